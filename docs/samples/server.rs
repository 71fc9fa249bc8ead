// What the samples of the book run against: the server that `DATABASE_URL` names.

/// A connection with these tables, which are temporary: every sample has the server to itself.
#[allow(dead_code)]
fn connect(tables: &str) -> postgres::Client {
    let url = std::env::var("DATABASE_URL")
        .expect("no DATABASE_URL: run `scripts/with-postgres cargo test --workspace`");
    let mut client =
        postgres::Client::connect(&url, postgres::NoTls).expect("the server is reachable");
    client.batch_execute("SET search_path = pg_temp, public").expect("SET works");
    client.batch_execute(tables).expect("the sample's tables can be created");
    client
}
