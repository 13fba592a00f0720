"""The storm: far more deliveries than anybody sends, and what became of every alert in them."""
