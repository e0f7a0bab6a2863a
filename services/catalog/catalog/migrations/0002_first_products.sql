INSERT INTO catalog.products (id, name, description, price_cents) VALUES
    ('espresso-cup', 'Espresso cup', 'Stoneware, 80 ml, made to be held with two fingers.', 1400),
    ('linen-notebook', 'Linen notebook', 'A5, 192 dotted pages that lie flat.', 1850),
    ('desk-lamp', 'Desk lamp', 'Warm light, one joint, no app.', 8900),
    ('wool-blanket', 'Wool blanket', 'Undyed wool, 130 × 180 cm.', 12400);
