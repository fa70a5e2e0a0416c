-- The state of the worked example: orders, and the changes made to them. A change that is here was
-- made; one that is not was not, whatever anybody was told.
CREATE TABLE IF NOT EXISTS orders (
    id      bigint PRIMARY KEY,
    changes integer NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS order_changes (
    id       uuid PRIMARY KEY,
    order_id bigint NOT NULL REFERENCES orders
);
