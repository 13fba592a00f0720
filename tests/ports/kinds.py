"""Every activity that a worker offers, by what it may do."""

READS = {
    "read_metrics", "read_window", "read_application", "read_database", "read_containers", "read_silence",
    "advise_index", "measure_query",
}  # fmt: skip
TELLS = {"send_page", "store_report"}
ACTS = {
    "terminate_sessions", "cancel_queries", "set_session_timeout", "create_index", "restart_container",
    "resize_pool",
}  # fmt: skip
