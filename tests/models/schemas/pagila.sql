-- A shop that lends films, after Pagila: smallint references to integer keys, enums, domains, a text
-- search vector, a partitioned table, sequences that tables share, and circles of references.
CREATE TYPE mpaa_rating AS ENUM ('G', 'PG', 'PG-13', 'R', 'NC-17');
COMMENT ON TYPE mpaa_rating IS 'Who may see a film.';
CREATE DOMAIN year AS integer CHECK (VALUE BETWEEN 1901 AND 2155);
CREATE DOMAIN "bıgınt" AS bigint NOT NULL DEFAULT 0;
CREATE DOMAIN rating AS mpaa_rating DEFAULT 'G';
CREATE DOMAIN email AS text CHECK (VALUE LIKE '%@%');
CREATE SEQUENCE person_ids;
CREATE TABLE actor (actor_id integer PRIMARY KEY DEFAULT nextval('person_ids'), first_name text NOT NULL,
    last_name text NOT NULL, last_update timestamptz NOT NULL DEFAULT now());
CREATE TABLE category (category_id serial PRIMARY KEY, name text NOT NULL,
    last_update timestamptz NOT NULL DEFAULT now());
CREATE TABLE country (country_id serial PRIMARY KEY, country text NOT NULL);
CREATE TABLE city (city_id serial PRIMARY KEY, city text NOT NULL,
    country_id smallint NOT NULL REFERENCES country);
CREATE TABLE address (address_id serial PRIMARY KEY, address text NOT NULL, address2 text,
    city_id smallint NOT NULL REFERENCES city, phone text NOT NULL DEFAULT NULL);
CREATE TABLE language (language_id serial PRIMARY KEY, name char(20) NOT NULL);
CREATE TABLE film (film_id serial PRIMARY KEY, title text NOT NULL, description text,
    release_year year, language_id smallint NOT NULL REFERENCES language,
    original_language_id smallint REFERENCES language, rental_duration smallint NOT NULL DEFAULT 3,
    rental_rate numeric(4, 2) NOT NULL DEFAULT 4.99, length smallint,
    rating mpaa_rating DEFAULT 'G'::mpaa_rating, ratings_abroad mpaa_rating[], own_rating rating,
    last_update timestamptz NOT NULL DEFAULT now(), special_features text[], grid int[][],
    views "bıgınt", fulltext tsvector NOT NULL);
CREATE TABLE film_actor (actor_id smallint NOT NULL REFERENCES actor,
    film_id smallint NOT NULL REFERENCES film, PRIMARY KEY (actor_id, film_id));
CREATE TABLE film_category (film_id smallint NOT NULL REFERENCES film,
    category_id smallint NOT NULL REFERENCES category, PRIMARY KEY (film_id, category_id));
CREATE TABLE store (store_id serial PRIMARY KEY, manager_staff_id smallint NOT NULL UNIQUE,
    address_id smallint NOT NULL REFERENCES address);
CREATE TABLE staff (staff_id integer PRIMARY KEY DEFAULT nextval('person_ids'), first_name text NOT NULL,
    email email, store_id smallint NOT NULL REFERENCES store, active boolean NOT NULL DEFAULT true,
    picture bytea);
ALTER TABLE store ADD FOREIGN KEY (manager_staff_id) REFERENCES staff;
CREATE TABLE customer (customer_id serial PRIMARY KEY, store_id smallint NOT NULL REFERENCES store,
    email email UNIQUE, activebool boolean NOT NULL DEFAULT true,
    create_date date NOT NULL DEFAULT ('now'::text)::date, active int);
CREATE TABLE inventory (inventory_id serial PRIMARY KEY, film_id smallint NOT NULL REFERENCES film,
    store_id smallint NOT NULL REFERENCES store);
CREATE TABLE rental (rental_id serial PRIMARY KEY, rental_date timestamptz NOT NULL,
    inventory_id integer NOT NULL REFERENCES inventory, customer_id smallint NOT NULL REFERENCES customer,
    return_date timestamptz, staff_id smallint NOT NULL REFERENCES staff);
CREATE UNIQUE INDEX idx_unq_rental ON rental (rental_date, inventory_id, customer_id);
CREATE TABLE payment (payment_id bigserial NOT NULL, customer_id smallint NOT NULL REFERENCES customer,
    staff_id smallint NOT NULL REFERENCES staff, rental_id integer NOT NULL REFERENCES rental,
    amount numeric(5, 2) NOT NULL, payment_date timestamptz NOT NULL,
    PRIMARY KEY (payment_date, payment_id)) PARTITION BY RANGE (payment_date);
CREATE TABLE payment_p2022 PARTITION OF payment
    FOR VALUES FROM ('2022-01-01 00:00+00') TO ('2023-01-01 00:00+00');
CREATE TABLE payment_rest PARTITION OF payment DEFAULT;
CREATE TABLE refund (payment_date timestamptz NOT NULL, payment_id bigint NOT NULL, why text NOT NULL,
    PRIMARY KEY (payment_date, payment_id), FOREIGN KEY (payment_date, payment_id) REFERENCES payment);
CREATE VIEW film_list AS SELECT film_id, title, rating, fulltext FROM film;
CREATE MATERIALIZED VIEW rental_by_category AS SELECT name, count(*) AS total FROM category GROUP BY name;
CREATE FUNCTION set_fulltext() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN NEW.fulltext = to_tsvector('simple', NEW.title); RETURN NEW; END $$;
CREATE TRIGGER film_fulltext BEFORE INSERT OR UPDATE ON film
    FOR EACH ROW EXECUTE FUNCTION set_fulltext();
