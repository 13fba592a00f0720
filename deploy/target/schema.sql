-- The drill's data. Run it once, as the role that owns the application's schema.
CREATE TABLE IF NOT EXISTS orders (
    id           integer PRIMARY KEY,
    customer     text NOT NULL,
    amount_cents integer NOT NULL CHECK (amount_cents >= 0),
    status       text NOT NULL CHECK (status IN ('placed', 'paid', 'sent', 'cancelled')),
    placed_at    timestamptz NOT NULL,
    reports      integer NOT NULL DEFAULT 0
);

INSERT INTO orders (id, customer, amount_cents, status, placed_at)
SELECT n,
       'customer ' || n % 97,
       (n * 7919) % 50000,
       (ARRAY['placed', 'paid', 'sent', 'cancelled'])[1 + n % 4],
       timestamptz '2024-01-01 00:00+00' + n * interval '7 minutes'
FROM generate_series(1, 2000) AS n
ON CONFLICT (id) DO NOTHING;

-- Where each order's parcels went; a drill fills it, and takes the index away.
CREATE TABLE IF NOT EXISTS parcels (
    id        bigint NOT NULL,
    order_id  integer NOT NULL,
    weight    integer NOT NULL
);
CREATE INDEX IF NOT EXISTS parcels_by_order ON parcels (order_id);

ANALYZE orders;
