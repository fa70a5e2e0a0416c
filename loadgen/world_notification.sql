-- 10,000 people with an address of each kind, as notification-service would have written them. Their ids are a range
-- that nobody counts up to.
INSERT INTO contacts (user_id, email, phone, push_token, platform)
SELECT 710000000000000 + n, 'load_' || n || '@example.com', '+4915' || 700000000 + n,
       CASE n % 2 WHEN 0 THEN 'load-device-of-the-person-called-' || n ELSE 'f' || lpad(to_hex(n), 63, '0') END,
       CASE n % 2 WHEN 0 THEN 'fcm' ELSE 'apns' END
FROM generate_series(0, 9999) AS n;
ANALYZE contacts;
