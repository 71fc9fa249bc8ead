-- Tables of the other tests: those that show models something that the ones before do not.

-- == accounts
CREATE TABLE accounts (
    id serial PRIMARY KEY,
    owner text NOT NULL UNIQUE,
    balance bigint NOT NULL,
    version integer NOT NULL
);
INSERT INTO accounts (owner, balance, version) VALUES ('Ada', 100, 1), ('Bob', 50, 1);
CREATE TABLE one_row AS SELECT 1 AS id;
CREATE FUNCTION pg_temp.run(sql text) RETURNS boolean LANGUAGE plpgsql AS
    $$ BEGIN EXECUTE sql; RETURN false; END $$;

-- == courses
CREATE TABLE students (id serial PRIMARY KEY, name text NOT NULL);
CREATE TABLE courses (id serial PRIMARY KEY, title text NOT NULL);
CREATE TABLE enrolments (
    student_id integer REFERENCES students,
    course_id integer REFERENCES courses,
    grade smallint,
    PRIMARY KEY (student_id, course_id)
);

-- == tags
CREATE TABLE tags (
    id serial PRIMARY KEY,
    name text NOT NULL UNIQUE,
    uses integer NOT NULL
);
CREATE TABLE posts (id serial PRIMARY KEY, title text NOT NULL);
CREATE TABLE post_tags (
    post_id integer REFERENCES posts,
    tag_id integer REFERENCES tags,
    PRIMARY KEY (post_id, tag_id)
);
INSERT INTO tags (name, uses) VALUES ('rust', 10), ('sql', 20);

-- == users
CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL);
CREATE TABLE addresses (
    id serial PRIMARY KEY,
    email text NOT NULL UNIQUE,
    user_id integer NOT NULL REFERENCES users
);

-- == bank
CREATE TABLE accounts (
    id integer PRIMARY KEY,
    balance bigint NOT NULL CHECK (balance >= 0),
    version integer NOT NULL
);
CREATE TABLE transfers (
    id bigserial PRIMARY KEY,
    from_id integer NOT NULL REFERENCES accounts,
    to_id integer NOT NULL REFERENCES accounts,
    amount bigint NOT NULL
);

-- == demo
CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL);
CREATE TABLE addresses (
    id serial PRIMARY KEY,
    email_address text NOT NULL,
    user_id integer NOT NULL REFERENCES users
);

-- == git_import
CREATE TABLE authors (
    id serial PRIMARY KEY,
    name text NOT NULL,
    name_raw bytea,
    email text NOT NULL,
    email_raw bytea,
    known_as text NOT NULL UNIQUE,
    -- Unique as the bytes that they are. Exclusion by hash rather than UNIQUE, which is a
    -- B-tree and refuses values of more than some 2,700 bytes.
    EXCLUDE USING hash (email WITH =) WHERE (email_raw IS NULL),
    EXCLUDE USING hash (email_raw WITH =) WHERE (email_raw IS NOT NULL)
);
CREATE TABLE commits (
    id serial PRIMARY KEY,
    sha text NOT NULL UNIQUE,
    author_id integer NOT NULL REFERENCES authors,
    author_name text,
    author_name_raw bytea,
    author_line bytea,
    authored_at bigint,
    subject text NOT NULL,
    subject_raw bytea
);
CREATE TABLE commit_parents (
    commit_id integer REFERENCES commits,
    parent_id integer REFERENCES commits,
    position integer,
    PRIMARY KEY (commit_id, parent_id, position)
);
CREATE TABLE absent_parents (
    commit_id integer REFERENCES commits,
    position integer,
    sha text NOT NULL,
    PRIMARY KEY (commit_id, position)
);
CREATE TABLE file_changes (
    id bigserial PRIMARY KEY,
    commit_id integer NOT NULL REFERENCES commits,
    number integer NOT NULL,
    path text NOT NULL,
    path_raw bytea,
    old_path text,
    old_path_raw bytea,
    lines_added bigint,
    lines_removed bigint,
    UNIQUE (commit_id, number)
);
COMMENT ON COLUMN authors.known_as IS 'the e-mail address, or what stands for one that is long';
COMMENT ON COLUMN commits.author_name IS 'where it is not the one in authors';
COMMENT ON COLUMN commits.author_line IS 'where git finds no time in it';
COMMENT ON COLUMN commits.authored_at IS 'in seconds since 1970';
COMMENT ON TABLE absent_parents IS 'parents that were not imported';
COMMENT ON COLUMN file_changes.lines_added IS 'NULL for binary files';
COMMENT ON COLUMN file_changes.lines_removed IS 'NULL for binary files';

-- == batch_limits
CREATE TABLE triples (id serial PRIMARY KEY, number int NOT NULL, text text NOT NULL);

-- == batch_limits_2
CREATE TABLE given (id int PRIMARY KEY); CREATE TABLE assigned (id serial PRIMARY KEY);

-- == batch_limits_3
CREATE TABLE nodes (id serial PRIMARY KEY, label int NOT NULL,
parent int REFERENCES nodes);

-- == concurrent
CREATE TABLE accounts (id int PRIMARY KEY, owner text NOT NULL, balance bigint NOT NULL,
    version int NOT NULL DEFAULT 1);
INSERT INTO accounts SELECT id, 'owner ' || id, 10 FROM generate_series(1, 2) AS id;

-- == concurrent_2
CREATE TABLE owners (id serial PRIMARY KEY);
CREATE TABLE things (id int PRIMARY KEY, owner int REFERENCES owners, name text);
INSERT INTO owners VALUES (100);
INSERT INTO things SELECT n, 100, 'x' FROM generate_series(1, 4) n;

-- == conditions
CREATE TYPE mood AS ENUM ('happy', 'sad');
CREATE DOMAIN code AS text CHECK (VALUE <> '');
CREATE COLLATION IF NOT EXISTS any_case (provider = icu, locale = 'und-u-ks-level2',
    deterministic = false);
CREATE TABLE people (id serial PRIMARY KEY, name text COLLATE any_case, mood mood NOT NULL,
    born date NOT NULL, code code NOT NULL, tags jsonb NOT NULL, key uuid NOT NULL);
INSERT INTO people (name, mood, born, code, tags, key)
    SELECT 'Person ' || n, CASE WHEN n % 2 = 0 THEN 'happy' ELSE 'sad' END::mood,
        date '2000-01-01' + n, 'c' || n, jsonb_build_object('n', n),
        ('00000000-0000-0000-0000-00000000000' || n)::uuid
    FROM generate_series(1, 9) n;

-- == conformance_changes
CREATE TABLE users (id int PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY,
    name text NOT NULL UNIQUE, age int, touched int NOT NULL DEFAULT 0);
CREATE TABLE addresses (id int PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY,
    email text NOT NULL, user_id int NOT NULL REFERENCES users);
CREATE TABLE log (what text);
CREATE FUNCTION log() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO log VALUES (TG_ARGV[0]); RETURN NEW; END $$;
CREATE TRIGGER a AFTER UPDATE OF name ON users FOR EACH ROW EXECUTE FUNCTION log('name');
CREATE TRIGGER b AFTER UPDATE OF age ON users FOR EACH ROW EXECUTE FUNCTION log('age');

-- == conformance_changes_2
CREATE TABLE users (id int PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY,
    name text NOT NULL UNIQUE, age int);
CREATE TABLE addresses (id int PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY,
    email text NOT NULL, user_id int NOT NULL REFERENCES users ON UPDATE CASCADE);

-- == conformance_changes_3
CREATE TABLE orders (region text, number int, PRIMARY KEY (region, number));
CREATE TABLE lines (region text, number int, line int, text text NOT NULL,
    PRIMARY KEY (region, number, line), FOREIGN KEY (region, number) REFERENCES orders);

-- == conformance_changes_4
CREATE TABLE tenants (id int PRIMARY KEY);
CREATE TABLE projects (tenant_id int REFERENCES tenants, number int,
    PRIMARY KEY (tenant_id, number));
CREATE TABLE tasks (id int PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenants,
    project_number int, FOREIGN KEY (tenant_id, project_number) REFERENCES projects);

-- == conformance_changes_5
CREATE TABLE places (id int PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY,
inside_id int REFERENCES places, near_id int REFERENCES places);

-- == conformance_changes_6
CREATE TABLE things (id int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
name text NOT NULL, level int DEFAULT 7, note text DEFAULT 'none',
doubled int GENERATED ALWAYS AS (level * 2) STORED);

-- == conformance_changes_7
CREATE TYPE mood AS ENUM ('calm', 'cross');
CREATE TABLE moods (code varchar(3) PRIMARY KEY, mood mood NOT NULL, tags text[] NOT NULL);

-- == conformance_changes_8
CREATE TABLE tenants (id int PRIMARY KEY);
CREATE TABLE items (tenant_id int REFERENCES tenants ON UPDATE CASCADE, number int,
    PRIMARY KEY (tenant_id, number));
CREATE TABLE uses (id int PRIMARY KEY, tenant_id int NOT NULL, item int NOT NULL,
    FOREIGN KEY (tenant_id, item) REFERENCES items ON UPDATE CASCADE);
INSERT INTO tenants VALUES (1); INSERT INTO items VALUES (1, 5); INSERT INTO uses VALUES (1, 1, 5);

-- == conformance_defaults
CREATE TABLE notes (id serial PRIMARY KEY, text text,
created timestamptz NOT NULL DEFAULT now(), priority int DEFAULT 3,
twice int GENERATED ALWAYS AS (priority * 2) STORED);

-- == conformance_defaults_2
CREATE TABLE lists (id serial PRIMARY KEY, numbers bigint[] NOT NULL, words text[]);

-- == conformance_defaults_3
CREATE TABLE ticks (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
CREATE TABLE marks (id bigserial PRIMARY KEY, at int NOT NULL DEFAULT 7);

-- == conformance_deletes
CREATE TABLE eggs (id int PRIMARY KEY, hen_id int);
CREATE TABLE hens (id int PRIMARY KEY, egg_id int NOT NULL REFERENCES eggs);
ALTER TABLE eggs ADD FOREIGN KEY (hen_id) REFERENCES hens;

-- == conformance_disguises
CREATE TABLE p (id int PRIMARY KEY, name text NOT NULL) PARTITION BY RANGE (id);
CREATE TABLE p1 PARTITION OF p DEFAULT;
CREATE TABLE c (id int PRIMARY KEY, p_id int REFERENCES p1 ON DELETE CASCADE);
INSERT INTO p VALUES (1, 'old'); INSERT INTO c VALUES (10, 1);

-- == conformance_disguises_2
CREATE TABLE p (id int PRIMARY KEY, name text NOT NULL,
    slug text GENERATED ALWAYS AS (lower(name)) STORED UNIQUE);
CREATE TABLE c (id int PRIMARY KEY, slug text REFERENCES p (slug) ON UPDATE CASCADE);
INSERT INTO p VALUES (1, 'Ada'); INSERT INTO c VALUES (10, 'ada');

-- == conformance_disguises_3
CREATE TABLE p (id uuid PRIMARY KEY);
CREATE TABLE c (id int PRIMARY KEY, p_id uuid REFERENCES p ON DELETE CASCADE);
INSERT INTO p VALUES ('0000000a-0000-0000-0000-000000000000');

-- == conformance_disguises_4
CREATE TABLE s (id int PRIMARY KEY, main bool NOT NULL);
CREATE FUNCTION clear() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN UPDATE s SET main = false WHERE main AND id <> NEW.id; RETURN NEW; END $$;
CREATE TRIGGER clear BEFORE UPDATE ON s FOR EACH ROW WHEN (NEW.main AND NOT OLD.main)
    EXECUTE FUNCTION clear();
INSERT INTO s VALUES (1, false), (2, true);

-- == conformance_disguises_5
CREATE TYPE mood AS ENUM ('happy');
CREATE TABLE moods (id int PRIMARY KEY, mood mood NOT NULL);
INSERT INTO moods VALUES (1, 'happy');

-- == conformance_disguises_6
CREATE TABLE p (id int PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE FUNCTION free() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN DELETE FROM p WHERE id = OLD.id + 1; RETURN NULL; END $$;
CREATE TRIGGER free AFTER DELETE ON p FOR EACH ROW EXECUTE FUNCTION free();
INSERT INTO p VALUES (1, 'a'), (2, 'b'), (10, 'z');

-- == conformance_failures
CREATE TABLE moody (id serial PRIMARY KEY, value int NOT NULL, back bigint NOT NULL DEFAULT 0);

-- == conformance_fallbacks
CREATE TABLE parents (id serial PRIMARY KEY, label text NOT NULL);
CREATE TABLE children (id bigserial PRIMARY KEY, parent int NOT NULL REFERENCES parents,
    tags text[] NOT NULL, scores int[]);

-- == conformance_fallbacks_2
CREATE TABLE parents (id serial PRIMARY KEY, label varchar(20) NOT NULL);
CREATE TABLE children (id bigserial PRIMARY KEY, parent bigint NOT NULL REFERENCES parents,
    tags varchar(10)[] NOT NULL, scores bigint[]);

-- == conformance_keys
CREATE TABLE orders (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, note text NOT NULL);
CREATE TABLE lines (order_id bigint REFERENCES orders, number smallint, product text NOT NULL,
    PRIMARY KEY (order_id, number));
CREATE TABLE shipments (id serial PRIMARY KEY, order_id bigint NOT NULL,
    line_number smallint NOT NULL, return_order_id bigint, return_line_number smallint,
    FOREIGN KEY (order_id, line_number) REFERENCES lines,
    FOREIGN KEY (return_order_id, return_line_number) REFERENCES lines);

-- == conformance_keys_2
CREATE TABLE tenants (id serial PRIMARY KEY, name text NOT NULL);
CREATE TABLE customers (tenant_id int REFERENCES tenants, id bigserial, name text NOT NULL,
    PRIMARY KEY (tenant_id, id));
CREATE TABLE invoices (tenant_id int REFERENCES tenants, id bigserial, customer_id bigint NOT NULL,
    payer_id bigint, corrects bigint, PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers,
    FOREIGN KEY (tenant_id, payer_id) REFERENCES customers,
    FOREIGN KEY (tenant_id, corrects) REFERENCES invoices);
CREATE TABLE referrals (tenant_id int, customer_id bigint, referred_id bigint,
    bonus int NOT NULL DEFAULT 5, PRIMARY KEY (tenant_id, customer_id, referred_id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers,
    FOREIGN KEY (tenant_id, referred_id) REFERENCES customers);

-- == conformance_keys_3
CREATE TABLE countries (code text PRIMARY KEY, parent text REFERENCES countries);
CREATE TABLE cities (id uuid PRIMARY KEY, country text NOT NULL REFERENCES countries,
    twin uuid REFERENCES cities);

-- == conformance_keys_4
CREATE TABLE small (id smallserial PRIMARY KEY, label int NOT NULL);
CREATE TABLE serial (id serial PRIMARY KEY, label int NOT NULL);
CREATE TABLE always (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, label int NOT NULL);
CREATE TABLE by_default (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, label int NOT NULL);
CREATE SEQUENCE "Ids of ""Named""" START 1000;
CREATE TABLE named (id bigint PRIMARY KEY DEFAULT nextval('"Ids of ""Named"""'), label int NOT NULL);
CREATE TABLE backwards (id int GENERATED ALWAYS AS IDENTITY (INCREMENT -5 START 100 MAXVALUE 100 MINVALUE -10000 CACHE 7)
    PRIMARY KEY, label int NOT NULL);
CREATE TABLE random (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), label int NOT NULL);

-- == conformance_keys_5
CREATE TABLE narrow (id serial PRIMARY KEY, parent smallint);
ALTER TABLE narrow ADD FOREIGN KEY (parent) REFERENCES narrow;

-- == conformance_keys_6
CREATE DOMAIN number AS int CHECK (VALUE > 0);
CREATE SEQUENCE narrow_id_seq;
CREATE TABLE narrow (id number PRIMARY KEY DEFAULT nextval('narrow_id_seq'),
    parent number REFERENCES narrow);
ALTER SEQUENCE narrow_id_seq OWNED BY narrow.id;

-- == conformance_keys_7
CREATE SEQUENCE ids START 1000;
CREATE TABLE orders (id bigserial PRIMARY KEY, note text NOT NULL);
CREATE TABLE serial (id serial PRIMARY KEY, label int NOT NULL);
CREATE TABLE loose (id serial PRIMARY KEY, name text DEFAULT 'nobody');

-- == conformance_lifecycle
CREATE TABLE accounts (id int PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY,
name text NOT NULL UNIQUE DEFERRABLE INITIALLY DEFERRED,
stamp int DEFAULT 5, version bigint NOT NULL);

-- == conformance_marks
CREATE TABLE pages (id serial PRIMARY KEY, text text NOT NULL, position int NOT NULL DEFAULT 0,
    version int NOT NULL DEFAULT 1);
CREATE TABLE notes (id serial PRIMARY KEY, page int NOT NULL REFERENCES pages);
INSERT INTO pages (text) VALUES ('a'), ('b'), ('c');
INSERT INTO notes (page) VALUES (1), (1), (2);

-- == conformance_names
CREATE TABLE wrong (id int PRIMARY KEY, ratio float8 NOT NULL);

-- == conformance_natural
CREATE TABLE tags (id serial PRIMARY KEY, name text NOT NULL UNIQUE, uses int NOT NULL,
    note text DEFAULT 'new');
CREATE TABLE posts (id serial PRIMARY KEY, title text NOT NULL);
CREATE TABLE post_tags (post_id int REFERENCES posts, tag_id int REFERENCES tags,
    PRIMARY KEY (post_id, tag_id));
INSERT INTO tags (name, uses, note) VALUES ('rust', 10, NULL), ('sql', 20, 'old');

-- == conformance_natural_2
CREATE TYPE mood AS ENUM ('happy', 'sad');
CREATE TABLE kinds (id bigserial PRIMARY KEY, number smallint NOT NULL, code uuid NOT NULL,
    mood mood, list text[] NOT NULL, twice int GENERATED ALWAYS AS (number * 2) STORED,
    made float8 DEFAULT 0.5, UNIQUE (code, number));
INSERT INTO kinds (number, code, mood, list, made) VALUES
    (1, '00000000-0000-0000-0000-000000000001', 'sad', '{a,b}', 7.25);

-- == conformance_steps
CREATE TABLE parents (id serial PRIMARY KEY, code int NOT NULL UNIQUE);
CREATE TABLE notes (id serial PRIMARY KEY, code int REFERENCES parents (code) ON DELETE CASCADE);
INSERT INTO parents VALUES (1, 10);
INSERT INTO notes VALUES (1, 10);
SELECT setval('parents_id_seq', 100), setval('notes_id_seq', 100);

-- == conformance_steps_2
CREATE TABLE k (id serial PRIMARY KEY, v0 int NOT NULL);
CREATE TABLE l (LIKE k INCLUDING ALL); CREATE TABLE b0 (LIKE k INCLUDING ALL);
CREATE TABLE i0 (LIKE k INCLUDING ALL); CREATE TABLE u0 (LIKE k INCLUDING ALL);
CREATE TABLE d0 (LIKE k INCLUDING ALL); CREATE TABLE r (LIKE k INCLUDING ALL);
CREATE TABLE t (LIKE k INCLUDING ALL); CREATE TABLE g (LIKE k INCLUDING ALL);

-- == conformance_steps_3
CREATE TABLE wide (id int PRIMARY KEY, a int DEFAULT -1, b int DEFAULT -2, c int DEFAULT -3,
d int DEFAULT -4, e int DEFAULT -5, f int DEFAULT -6, g int DEFAULT -7, h int DEFAULT -8,
i int DEFAULT -9, j int DEFAULT -10, k int DEFAULT -11, l int DEFAULT -12);

-- == conformance_steps_4
CREATE TABLE flags (id int PRIMARY KEY, flag bool NOT NULL UNIQUE);
INSERT INTO flags VALUES (1, true), (2, false);

-- == conformance_steps_5
CREATE TABLE grids (id int PRIMARY KEY, cells int[] NOT NULL);
INSERT INTO grids VALUES (1, '{}'), (2, '{}');

-- == custom_strategy
CREATE TABLE "User ""accounts""" ("Id" serial PRIMARY KEY, "full name" text NOT NULL UNIQUE,
    score int NOT NULL DEFAULT 7, mentor int REFERENCES "User ""accounts""");
CREATE TABLE addresses (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text NOT NULL,
    owner int NOT NULL REFERENCES "User ""accounts""");

-- == derive
CREATE TABLE articles (id serial PRIMARY KEY, title text NOT NULL,
    length int GENERATED ALWAYS AS (char_length(title)) STORED, "first letter" text,
    version smallint NOT NULL);
CREATE FUNCTION set_initial() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    NEW."first letter" := NULLIF(left(NEW.title, 1), '');
    RETURN NEW;
END $$;
CREATE TRIGGER set_initial BEFORE INSERT ON articles
    FOR EACH ROW EXECUTE FUNCTION set_initial();

-- == fuzzels
CREATE TABLE odd (id serial PRIMARY KEY, text text, parent int REFERENCES odd,
number int DEFAULT 5);

-- == graphs_kinds
CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE DOMAIN folded AS text COLLATE any_case;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE people (name folded PRIMARY KEY, mentor folded REFERENCES people);
CREATE TABLE moods (label mood PRIMARY KEY);
CREATE TABLE entries (id smallint PRIMARY KEY, person folded NOT NULL REFERENCES people, mood mood REFERENCES moods);
CREATE TABLE remarks (id serial PRIMARY KEY, entry_id bigint NOT NULL REFERENCES entries);
INSERT INTO people VALUES ('Ada', NULL), ('Bob', 'ADA'), ('Cid', 'bob'), ('Dan', 'bOb');
INSERT INTO moods VALUES ('sad'), ('happy');
INSERT INTO entries VALUES (1, 'ADA', 'happy'), (2, 'ada', NULL), (3, 'CID', 'sad');
INSERT INTO remarks (entry_id) VALUES (1), (3), (3);

-- == graphsels
CREATE TABLE customers (id serial PRIMARY KEY, name text NOT NULL, region text NOT NULL, tags text[] NOT NULL);
CREATE TABLE addresses (id serial PRIMARY KEY, customer_id int NOT NULL REFERENCES customers,
    street text NOT NULL);
CREATE TABLE products (code text PRIMARY KEY, price int NOT NULL);
CREATE TABLE orders (shop text, number bigint, customer_id int NOT NULL REFERENCES customers,
    billed_to int REFERENCES addresses, sent_to int REFERENCES addresses, total bigint NOT NULL,
    PRIMARY KEY (shop, number));
CREATE TABLE lines (id bigserial PRIMARY KEY, shop text NOT NULL, order_number bigint NOT NULL,
    product_id text REFERENCES products, quantity int NOT NULL,
    FOREIGN KEY (shop, order_number) REFERENCES orders);
INSERT INTO customers (name, region, tags)
    SELECT 'customer ' || n, 'r' || n % 3, array_fill('t'::text, ARRAY[n % 4]) FROM generate_series(1, 12) AS n;
INSERT INTO addresses (customer_id, street)
    SELECT c, 'street ' || 10 - n FROM generate_series(1, 12) AS c, generate_series(1, 3) AS n
    WHERE c <> 5 ORDER BY n DESC, c;
INSERT INTO products SELECT 'p' || n, n FROM generate_series(1, 9) AS n;
INSERT INTO orders SELECT 's' || n % 2, c * 10 + n, c, (SELECT min(id) FROM addresses WHERE customer_id = c),
    CASE WHEN n > 2 THEN (SELECT max(id) FROM addresses WHERE customer_id = c) END, c * n
    FROM generate_series(1, 12) AS c, generate_series(1, 4) AS n WHERE c % 4 > 0;
INSERT INTO lines (shop, order_number, product_id, quantity)
    SELECT shop, number, CASE WHEN n < 3 THEN 'p' || 1 + (number + n) % 9 END, n
    FROM orders, generate_series(1, 3) AS n ORDER BY n DESC, number;

-- == graphs_trees
CREATE TABLE folders (id serial PRIMARY KEY, name text NOT NULL, parent int REFERENCES folders, extra json);
CREATE TABLE files (id serial PRIMARY KEY, folder_id int NOT NULL REFERENCES folders);
INSERT INTO folders (name, parent)
    SELECT 'f' || g, CASE WHEN g > 1 THEN g / 2 END FROM generate_series(1, 100) AS g;
INSERT INTO files (folder_id) SELECT id FROM folders WHERE id % 3 = 0;
UPDATE folders SET parent = 100 WHERE id = 50;

-- == loading
CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL, friend int REFERENCES users);
CREATE TABLE addresses (id bigserial PRIMARY KEY, n text NOT NULL,
    user_id int NOT NULL REFERENCES users, other int REFERENCES users);
CREATE TABLE orders (user_id int REFERENCES users, number int, total bigint NOT NULL,
    PRIMARY KEY (user_id, number));
CREATE TABLE lines (id serial PRIMARY KEY, user_id int, order_number int,
    FOREIGN KEY (user_id, order_number) REFERENCES orders);
INSERT INTO users (name) VALUES ('Ada'), ('Bob'), ('Cid'), ('Dan');
UPDATE users SET friend = id % 4 + 1;
INSERT INTO addresses (n, user_id) SELECT name || ' ' || n, users.id
    FROM users, generate_series(1, 3) AS n WHERE users.id <> 3 ORDER BY n DESC, users.id;
INSERT INTO orders SELECT users.id, n, 10 * n FROM users, generate_series(1, 2) AS n;
INSERT INTO lines (user_id, order_number) SELECT user_id, number FROM orders;

-- == type_lookups
CREATE TYPE mood AS ENUM ('happy', 'sad');
CREATE DOMAIN code AS text CHECK (VALUE <> '');
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TYPE pair AS (a int, b text);
CREATE TABLE owners (id positive PRIMARY KEY, code code NOT NULL);
CREATE TABLE things (id serial PRIMARY KEY, owner positive NOT NULL REFERENCES owners,
    mood mood DEFAULT 'sad', moods mood[] DEFAULT '{happy,sad}', code code DEFAULT 'c',
    pair pair DEFAULT (1, 'x'), number int DEFAULT 7);

-- == types_calendar
CREATE TABLE fine (id int PRIMARY KEY, std timestamptz NOT NULL, chrono_time time NOT NULL,
chrono_plain timestamp NOT NULL, chrono_utc timestamptz NOT NULL, time_time time NOT NULL,
time_plain timestamp NOT NULL, time_utc timestamptz NOT NULL, jiff_time time NOT NULL,
jiff_plain timestamp NOT NULL, jiff_utc timestamptz NOT NULL);

-- == types_calendar_2
CREATE TABLE leaps (id int PRIMARY KEY, time time NOT NULL);

-- == types_features
CREATE TABLE documents (id int PRIMARY KEY, json json NOT NULL, maybe json, list json[] NOT NULL);

-- == types_features_2
CREATE TABLE prices (id int PRIMARY KEY, price numeric NOT NULL);

-- == types_generated
CREATE TABLE generated (id int PRIMARY KEY, tiny "char" NOT NULL, small int2 NOT NULL,
normal int4 NOT NULL, big int8 NOT NULL, single float4 NOT NULL, double float8 NOT NULL,
text text, bytes bytea NOT NULL, texts text[] NOT NULL, numbers int8[]);

-- == types_text
CREATE TYPE mood AS ENUM ('happy', 'sad');
CREATE TABLE lists (id int PRIMARY KEY, varchars varchar(5)[] NOT NULL, moods mood[]);

-- == values
CREATE TABLE prices (amount numeric(10, 2) PRIMARY KEY);
CREATE TABLE codes (code varchar(3) PRIMARY KEY);

-- == values_2
CREATE DOMAIN cents AS bigint CHECK (VALUE >= 0);
CREATE TABLE rounded (id int PRIMARY KEY, amount numeric, cents cents DEFAULT 7);
INSERT INTO rounded VALUES (1, 2, 3), (2, 1.5, 4);

-- == verify_columns
CREATE TABLE typed (id int PRIMARY KEY, number int NOT NULL, text text NOT NULL,
texts text[] NOT NULL, mood text NOT NULL, moods text[] NOT NULL, json json NOT NULL);

-- == verify_columns_2
CREATE TABLE tasks (id int PRIMARY KEY, priority int NOT NULL DEFAULT 1, due int);

-- == verify_columns_3
CREATE DOMAIN soon AS int DEFAULT 3 NOT NULL; CREATE SEQUENCE s;
CREATE TABLE tasks (id int PRIMARY KEY, priority soon, due int DEFAULT nextval('s'));

-- == verify_columns_4
CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL, nickname text,
age int NOT NULL, born date, seen date NOT NULL DEFAULT now(),
number int GENERATED ALWAYS AS IDENTITY);

-- == verify_keys
CREATE TABLE lines (order_id int, number int UNIQUE, PRIMARY KEY (order_id, number));

-- == verify_keys_2
CREATE SEQUENCE all_ids;
CREATE TABLE shared (id bigserial PRIMARY KEY, parent smallint NOT NULL);
ALTER TABLE shared ALTER id SET DEFAULT nextval('all_ids');

-- == verify_keys_3
CREATE TABLE shared (id bigserial PRIMARY KEY, parent int NOT NULL);
ALTER TABLE shared ALTER id SET DEFAULT nextval('shared_id_seq') * 10;

-- == verify_natural_keys
CREATE SEQUENCE numbers;
CREATE TABLE tags (id int NOT NULL DEFAULT nextval('numbers'), name text PRIMARY KEY)
    PARTITION BY HASH (name);
ALTER SEQUENCE numbers OWNED BY tags.id;
CREATE TABLE one PARTITION OF tags FOR VALUES WITH (MODULUS 1, REMAINDER 0);
CREATE UNIQUE INDEX ON tags (id, name);

-- == verify_natural_keys_2
CREATE TABLE tags (id serial UNIQUE NOT NULL, name text PRIMARY KEY, page int);
