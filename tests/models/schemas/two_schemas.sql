-- Two schemas, of which the search path has one: tables of one name, types and sequences elsewhere.
CREATE TYPE "onetrip models away".size AS ENUM ('small', 'large');
CREATE SEQUENCE "onetrip models away".numbers;
CREATE TABLE boxes (id int PRIMARY KEY DEFAULT nextval('"onetrip models away".numbers'),
    size "onetrip models away".size NOT NULL, sizes "onetrip models away".size[]);
CREATE TABLE "onetrip models away".boxes (id int PRIMARY KEY DEFAULT nextval('"onetrip models away".numbers'),
    inner_box int NOT NULL UNIQUE REFERENCES boxes, size "onetrip models away".size NOT NULL, other int);
CREATE SEQUENCE here;
CREATE TABLE "onetrip models away".crates (id serial PRIMARY KEY, code text NOT NULL UNIQUE);
CREATE TABLE "onetrip models away".labels (id bigint PRIMARY KEY DEFAULT nextval('here'),
    box int NOT NULL REFERENCES "onetrip models away".boxes, crate text REFERENCES "onetrip models away".crates (code));
CREATE TABLE left_out (id serial PRIMARY KEY);
CREATE TABLE kept (id serial PRIMARY KEY, left_out int REFERENCES left_out);
