// A model with a version, its table, and what another session does to it meanwhile.

include!("server.rs");

#[allow(dead_code)]
const ACCOUNTS: &str = "
    CREATE TABLE accounts (
        id serial PRIMARY KEY,
        owner text NOT NULL UNIQUE,
        balance bigint NOT NULL,
        version integer NOT NULL
    );
    INSERT INTO accounts (owner, balance, version) VALUES ('Ada', 100, 1), ('Bob', 50, 1);
    CREATE TABLE one_row AS SELECT 1 AS id;
    CREATE FUNCTION pg_temp.run(sql text) RETURNS boolean LANGUAGE plpgsql AS
        $$ BEGIN EXECUTE sql; RETURN false; END $$";

#[derive(onetrip::Model, Clone, Debug)]
#[model(table = "accounts")]
struct Account {
    #[model(key)]
    id: Option<i32>,
    owner: String,
    balance: i64,
    #[model(version)]
    version: i32,
}

#[derive(onetrip::Model, Clone)]
#[model(table = "one_row")]
struct OneRow {
    #[model(key)]
    #[allow(dead_code)]
    id: i32,
}

/// Runs a statement past the unit of work. Another session could not see the sample's tables, which
/// are temporary.
#[allow(dead_code)]
fn meanwhile(uow: &mut onetrip::UnitOfWork<'_>, sql: &str) {
    uow.query::<OneRow>("pg_temp.run($1)").bind(sql.to_owned()).load().expect("the SQL is right");
}
