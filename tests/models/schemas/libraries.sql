-- Types that libraries have, as keys, values and defaults.
CREATE TABLE events (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), day date NOT NULL, at time,
    planned timestamp, happened timestamptz NOT NULL DEFAULT now(), price numeric(8, 2) NOT NULL DEFAULT 0,
    details jsonb NOT NULL, days date[] NOT NULL DEFAULT '{}', UNIQUE (day));
CREATE TABLE days (day date PRIMARY KEY, next date REFERENCES days);
CREATE TABLE moments (at timestamptz PRIMARY KEY, before timestamptz REFERENCES moments, local timestamp UNIQUE NOT NULL);
CREATE TABLE amounts (amount numeric PRIMARY KEY, event uuid REFERENCES events);
