-- What the three services of the worked example did: one row for each post that took effect. A post
-- that comes again changes nothing but 'times', which a real service would not keep.
CREATE TABLE IF NOT EXISTS effects (
    service text NOT NULL,
    post_id uuid NOT NULL,
    seq     bigint GENERATED ALWAYS AS IDENTITY, -- the order in which they took effect
    times   integer NOT NULL DEFAULT 1,
    PRIMARY KEY (service, post_id)
);
