//! What a graph gives, and what it costs.

use onetrip::{Error, ErrorKind, ForeignKey, Handle, Model, Strategy, UnitOfWork};

use crate::SPLIT;
use crate::common::Schema;
use crate::models::{Address, Customer, Line, Order, Product, TABLES};

fn schema(test: &str) -> Schema {
    Schema::new(test, TABLES)
}

#[derive(Model, Clone, Debug)]
#[model(table = "places")]
struct Place {
    #[model(key)]
    id: i32,
    within: Option<ForeignKey<Place>>,
}

#[derive(Model, Clone, Debug)]
#[model(table = "guides")]
struct Guide {
    #[model(key)]
    id: i32,
    place_id: ForeignKey<Place>,
}

/// An entity that two levels have has the children that the first of these was asked for.
#[test]
fn the_first_level_of_an_entity_counts() -> Result<(), Error> {
    let schema = Schema::new(
        "graph_first_level",
        "CREATE TABLE places (id int PRIMARY KEY, within int REFERENCES places);
         CREATE TABLE guides (id int PRIMARY KEY, place_id int NOT NULL REFERENCES places);
         INSERT INTO places VALUES (0, NULL), (1, 0); INSERT INTO guides VALUES (1, 1), (2, 1), (3, 1)",
    );
    let mut client = schema.client();
    let strategy = Strategy::default();
    for is_first in [false, true, false, true] {
        let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy.clone());
        let query = uow.query::<Place>("true").order_by("id").with(|place| {
            if is_first {
                place.children::<Guide>().order_by("id DESC").limit(2);
            }
            place.children::<Place>().with(|place| {
                place.children::<Guide>();
            });
            if !is_first {
                place.children::<Guide>().order_by("id DESC").limit(2);
            }
        });
        let graph = query.load()?;
        let inner = graph.roots().nth(1).expect("two");
        let guides: Vec<_> = graph.children::<Guide>(inner)?.map(|guide| uow[guide].id).collect();
        assert_eq!(guides, [3, 2]);
    }
    Ok(())
}

#[derive(Model, Clone, Debug)]
#[model(table = "stays")]
struct Stay {
    #[model(key)]
    place_id: ForeignKey<Place>,
    #[model(key)]
    guide_id: ForeignKey<Guide>,
}

/// Links whose rows are equal in the caller's order are in the order of their own keys.
#[test]
fn links_to_equal_rows_are_in_the_order_of_their_keys() -> Result<(), Error> {
    let schema = Schema::new(
        "graph_equal_links",
        "CREATE TABLE places (id int PRIMARY KEY, within int REFERENCES places);
         CREATE TABLE guides (id int PRIMARY KEY, place_id int NOT NULL REFERENCES places);
         CREATE TABLE stays (place_id int REFERENCES places, guide_id int REFERENCES guides,
             PRIMARY KEY (place_id, guide_id));
         INSERT INTO places VALUES (1), (2);
         INSERT INTO guides SELECT (n * 7) % 20, 1 + n % 2 FROM generate_series(0, 19) AS n;
         INSERT INTO stays SELECT p, g FROM generate_series(1, 2) AS p, generate_series(19, 0, -1) AS g",
    );
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let query = uow.query::<Place>("true").order_by("id").with(|place| {
        place.through::<Stay, Guide>().order_by("id / 10 DESC").limit(12);
    });
    let graph = query.load()?;
    for place in graph.roots() {
        let found = graph.through::<Stay, Guide>(place)?;
        let guides: Vec<_> = found.iter().map(|&guide| uow[guide].id).collect();
        assert_eq!(guides, [10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 0, 1]);
    }
    Ok(())
}

#[test]
fn a_graph_is_what_level_by_level_gives() -> Result<(), Error> {
    let schema = schema("graph_levels");
    let strategy = Strategy::default();
    for is_split in SPLIT {
        let (mut client, mut other) = (schema.client(), schema.client());
        let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy.clone());
        let mut by_level = UnitOfWork::new(&mut other);
        let query = uow
            .query::<Customer>("region <> $1")
            .bind("r0")
            .order_by("name DESC")
            .limit(7)
            .offset(1)
            .with(|customer| {
                customer.children::<Address>();
                customer.children::<Order>().with(|order| {
                    order.children::<Line>().with(|line| {
                        line.parent::<Product>();
                    });
                    order.parent_by::<Address>("billed_to");
                    order.parent_by::<Address>("sent_to");
                });
            });
        let query = if is_split { query.split() } else { query };
        let graph = query.load()?;
        let roots = by_level
            .query::<Customer>("region <> $1")
            .bind("r0")
            .order_by("name DESC")
            .limit(7)
            .offset(1)
            .load()?;
        assert_eq!(graph.roots().len(), 7);
        let addresses = by_level.children::<Address, Customer>(&roots)?;
        let orders = by_level.children::<Order, Customer>(&roots)?;
        for (at, root) in graph.roots().enumerate() {
            assert_eq!(uow[root], by_level[roots[at]]);
            let ours: Vec<_> = graph.children::<Address>(root)?.map(|a| uow[a].clone()).collect();
            let theirs: Vec<_> = addresses[at].iter().map(|&a| by_level[a].clone()).collect();
            assert_eq!(ours, theirs);
            let ours: Vec<_> = graph.children::<Order>(root)?.collect();
            let theirs = &orders[at];
            assert_eq!(ours.len(), theirs.len());
            let lines = by_level.children::<Line, Order>(theirs)?;
            for (at, (our, their)) in ours.into_iter().zip(theirs).enumerate() {
                let order = by_level[*their].clone();
                assert_eq!(uow[our], order);
                assert_eq!(graph.parent::<Customer>(our)?, Some(root));
                for (column, key) in [("billed_to", &order.billed_to), ("sent_to", &order.sent_to)]
                {
                    let ours = graph.parent_by::<Address>(column, our)?;
                    let key = key.as_ref().and_then(|key| key.key().copied());
                    assert_eq!(ours.and_then(|address| uow[address].id), key);
                }
                let ours: Vec<_> = graph.children::<Line>(our)?.collect();
                assert_eq!(ours.len(), lines[at].len());
                for (our, their) in ours.into_iter().zip(&lines[at]) {
                    assert_eq!(uow[our], by_level[*their]);
                    let product = graph.parent::<Product>(our)?.map(|product| &*uow[product].code);
                    let key = uow[our].product_id.as_ref().and_then(|key| key.key());
                    assert_eq!(product, key.map(|key| &key[..]));
                }
            }
        }
    }
    Ok(())
}

#[test]
fn levels_have_conditions_orders_and_limits_of_their_own() -> Result<(), Error> {
    let schema = schema("graph_selections");
    let strategy = Strategy::default();
    for is_split in SPLIT {
        let mut client = schema.client();
        let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy.clone());
        let query = uow.query::<Customer>("id < $1").bind(4).with(|customer| {
            customer
                .children::<Order>()
                .filter("total > $1 OR shop = $2")
                .bind(2_i64)
                .bind("s1")
                .order_by("total * $3::int DESC")
                .bind(1)
                .limit(2)
                .with(|order| {
                    order.children::<Line>().order_by("quantity DESC").limit(2).with(|line| {
                        line.parent::<Product>().filter("price <> $1").bind(5);
                    });
                });
            customer.children::<Address>().filter("street = $1").bind("none of them");
        });
        let query = if is_split { query.split() } else { query };
        let graph = query.load()?;
        let mut seen = Vec::new();
        for customer in graph.roots() {
            assert_eq!(graph.children::<Address>(customer)?.len(), 0);
            for order in graph.children::<Order>(customer)? {
                for line in graph.children::<Line>(order)? {
                    let product = graph.parent::<Product>(line)?.map(|p| uow[p].code.clone());
                    seen.push((uow[order].total, uow[line].quantity, product));
                }
            }
        }
        let expected = schema.rows(
            "SELECT o.total, l.quantity, (SELECT code FROM products WHERE code = product_id AND price <> 5)
             FROM (SELECT *, row_number() OVER (PARTITION BY customer_id ORDER BY total DESC) AS n
                   FROM orders WHERE customer_id < 4 AND (total > 2 OR shop = 's1')) AS o,
                 (SELECT *, row_number() OVER (PARTITION BY shop, order_number ORDER BY quantity DESC) AS n
                   FROM lines) AS l
             WHERE o.n <= 2 AND l.n <= 2 AND l.shop = o.shop AND l.order_number = o.number
             ORDER BY customer_id, o.n, l.n",
        );
        let text = |product: &Option<String>| product.clone().unwrap_or("NULL".into());
        let seen: Vec<_> =
            seen.iter().map(|(t, q, product)| format!("{t}|{q}|{}", text(product))).collect();
        assert!(seen.len() > 6, "{seen:?}");
        assert_eq!(seen, expected);
    }
    Ok(())
}

#[test]
fn what_is_loaded_already_is_where_a_graph_begins() -> Result<(), Error> {
    let schema = schema("graph_keys");
    let strategy = Strategy::default();
    for is_split in SPLIT {
        let mut client = schema.client();
        let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy.clone());
        let orders = uow.query::<Order>("customer_id < 4").order_by("total DESC, number").load()?;
        let query = uow.graph(&orders, |order| {
            order.children::<Line>().limit(1);
            order.parent::<Customer>();
            order.parent_by::<Address>("billed_to");
        });
        let graph = if is_split { query.split() } else { query }.load()?;
        assert_eq!(graph.roots().collect::<Vec<_>>(), orders);
        let lines = uow.children::<Line, Order>(&orders)?;
        for (&order, lines) in orders.iter().zip(&lines) {
            assert!(graph.children::<Line>(order)?.eq(lines[..1].iter().copied()));
        }
        for &order in &orders {
            let customer = graph.parent::<Customer>(order)?.expect("it has one");
            assert_eq!(uow[order].customer_id.key().copied(), uow[customer].id);
            assert!(graph.children::<Order>(customer)?.any(|other| other == order));
            let address = graph.parent_by::<Address>("billed_to", order)?;
            let key = uow[order].billed_to.as_ref().and_then(|key| key.key().copied());
            assert_eq!(address.and_then(|address| uow[address].id), key);
        }
        let nobody: &[Handle<Order>] = &[];
        let query = uow.graph(nobody, |order| {
            order.children::<Line>();
        });
        assert_eq!(query.plan()?.round_trips(), 0);
        assert_eq!(query.load()?.roots().len(), 0);
    }
    Ok(())
}

#[test]
fn entities_that_are_there_stay_as_they_are() -> Result<(), Error> {
    let schema = schema("graph_identity");
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let all = uow.query::<Address>("true").order_by("id").load()?;
    let (changed, deleted) = (all[0], all[1]);
    uow.get_mut(changed)?.street = "changed".into();
    uow.delete(deleted)?;
    let moved = all[2];
    let stays = uow[moved].customer_id.key().copied();
    uow.get_mut(moved)?.customer_id = onetrip::ForeignKey::Key(999);
    uow.add(Address { street: "new".into(), id: None, ..uow[changed].clone() });
    let graph = uow
        .query::<Customer>("true")
        .order_by("id")
        .with(|customer| {
            customer.children::<Address>();
        })
        .load()?;
    let mut found = Vec::new();
    for customer in graph.roots() {
        for address in graph.children::<Address>(customer)? {
            if address == moved {
                assert_eq!(uow[customer].id, stays, "as the database has it");
            }
            found.push(address);
        }
    }
    found.sort_by_key(|&address| uow[address].id);
    let expected: Vec<_> = all.iter().copied().filter(|&address| address != deleted).collect();
    assert_eq!(found, expected);
    assert_eq!(uow[changed].street, "changed");
    let again = uow
        .graph(&[graph.roots().next().expect("one")], |customer| {
            customer.children::<Address>();
        })
        .load()?;
    assert!(have_same_addresses(&again, &graph)?);
    Ok(())
}

/// Compares the addresses of a graph's roots with those of another graph.
fn have_same_addresses(
    graph: &onetrip::Graph<Customer>,
    other: &onetrip::Graph<Customer>,
) -> Result<bool, Error> {
    for root in graph.roots() {
        if !graph.children::<Address>(root)?.eq(other.children::<Address>(root)?) {
            return Ok(false);
        }
    }
    Ok(true)
}

#[test]
fn mistakes_are_found_before_anything_is_sent() -> Result<(), Error> {
    let schema = schema("graph_mistakes");
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let message = |result: Result<onetrip::Graph<Customer>, Error>| {
        let error = result.map(drop).expect_err("a mistake");
        (error.kind(), error.to_string())
    };
    let cases = [
        (
            message(
                uow.query::<Customer>("true")
                    .with(|c| {
                        c.children::<Line>();
                    })
                    .load(),
            ),
            (
                ErrorKind::Model,
                "table lines: the model has no foreign key that refers to customers",
            ),
        ),
        (
            message(
                uow.query::<Customer>("true")
                    .with(|c| {
                        c.parent::<Address>();
                    })
                    .load(),
            ),
            (
                ErrorKind::Model,
                "table customers: the model has no foreign key that refers to addresses",
            ),
        ),
        (
            message(
                uow.query::<Customer>("true")
                    .with(|c| {
                        c.children::<Address>().with(|a| {
                            a.children::<Order>();
                        });
                    })
                    .load(),
            ),
            (
                ErrorKind::Model,
                "table orders: the model has several foreign keys that refer to addresses",
            ),
        ),
        (
            message(
                uow.query::<Customer>("true")
                    .with(|c| {
                        c.children_by::<Address>("street");
                    })
                    .load(),
            ),
            (
                ErrorKind::Model,
                "table addresses, column street: the model has no such foreign key that refers to customers",
            ),
        ),
        (
            message(
                uow.query::<Customer>("true")
                    .with(|c| {
                        c.children::<Address>();
                        c.children::<Address>().filter("false");
                    })
                    .load(),
            ),
            (
                ErrorKind::Model,
                "table addresses: the graph asks twice for the same relation of the same rows",
            ),
        ),
        (
            message(
                uow.query::<Customer>("true")
                    .with(|c| {
                        c.children::<Address>().filter("street = $1");
                    })
                    .load(),
            ),
            (ErrorKind::Encode, "table addresses: the condition names $1, and 0 values are bound"),
        ),
        (
            message(
                uow.query::<Customer>("true")
                    .bind(1)
                    .with(|c| {
                        c.children::<Address>().filter("street = $1").bind("x");
                    })
                    .load(),
            ),
            (
                ErrorKind::Encode,
                "table customers: 1 values are bound, and the condition names no more than 0",
            ),
        ),
        (
            message(
                uow.query::<Customer>("true")
                    .with(|c| {
                        c.children::<Address>().limit(1 << 31);
                    })
                    .load(),
            ),
            (ErrorKind::Encode, "table addresses: LIMIT 2147483648 is more than 2,147,483,647"),
        ),
        (
            message(
                uow.query::<Customer>("true")
                    .with(|c| {
                        c.descendants();
                    })
                    .load(),
            ),
            (
                ErrorKind::Model,
                "table customers: the model has no foreign key that refers to customers",
            ),
        ),
    ];
    for ((kind, message), expected) in cases {
        assert_eq!(kind, expected.0, "{message}");
        assert!(message.starts_with(expected.1), "{message}");
    }
    let new =
        uow.add(Customer { id: None, name: String::new(), region: String::new(), tags: vec![] });
    let error = uow
        .graph(&[new], |c| {
            c.children::<Address>();
        })
        .load()
        .map(drop)
        .expect_err("no key");
    assert_eq!(error.kind(), ErrorKind::Handle);
    Ok(())
}

#[test]
fn what_a_graph_was_not_asked_for_is_an_error() -> Result<(), Error> {
    let schema = schema("graph_answers");
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let graph = uow
        .query::<Customer>("id <= 2")
        .order_by("id")
        .with(|customer| {
            customer.children::<Order>().with(|order| {
                order.parent_by::<Address>("sent_to");
                order.parent_by::<Address>("billed_to");
            });
        })
        .load()?;
    let (first, order) = {
        let first = graph.roots().next().expect("one");
        (first, graph.children::<Order>(first)?.next().expect("one"))
    };
    let kind = |error: Error| (error.kind(), error.to_string());
    let (of, message) =
        kind(graph.children::<Address>(first).map(drop).expect_err("not asked for"));
    assert_eq!(of, ErrorKind::Model);
    assert!(
        message.starts_with(
            "table addresses: the graph was not asked for the rows that refer to customers"
        ),
        "{message}"
    );
    let (of, message) = kind(graph.parent::<Address>(order).map(drop).expect_err("two"));
    assert_eq!(of, ErrorKind::Model);
    assert!(
        message.starts_with("table orders: the graph has several relations to addresses"),
        "{message}"
    );
    let other = uow.find::<Customer>(7)?.expect("it is there");
    let (of, message) = kind(graph.children::<Order>(other).map(drop).expect_err("another one"));
    assert_eq!(of, ErrorKind::Handle);
    assert!(message.starts_with("table customers: the entity is not in the graph"), "{message}");
    let mut another = schema.client();
    let another = UnitOfWork::new(&mut another).find::<Customer>(1)?.expect("it is there");
    assert_eq!(
        graph.children::<Order>(another).map(drop).expect_err("foreign").kind(),
        ErrorKind::Handle
    );
    Ok(())
}

#[test]
fn an_error_names_the_table_of_its_level() -> Result<(), Error> {
    let schema = schema("graph_errors");
    let mut client = schema.client();
    let mut uow = UnitOfWork::new(&mut client);
    let error = uow
        .query::<Customer>("true")
        .with(|customer| {
            customer.children::<Address>().filter("no_such_column = 1");
        })
        .load()
        .map(drop)
        .expect_err("no such column");
    assert_eq!(error.table(), Some("addresses"), "{error}");
    assert!(uow.is_empty());
    // A row of a level that does not fit its model: nothing of the graph has come in.
    schema.client().batch_execute("ALTER TABLE addresses ALTER street DROP NOT NULL; UPDATE addresses SET street = NULL WHERE id = 5").expect("works");
    let error = uow
        .query::<Customer>("true")
        .with(|customer| {
            customer.children::<Address>();
        })
        .load()
        .map(drop)
        .expect_err("it is NULL");
    assert_eq!(
        (error.kind(), error.table(), error.column()),
        (ErrorKind::Decode, Some("addresses"), Some("street"))
    );
    assert!(uow.is_empty());
    schema
        .client()
        .batch_execute("ALTER TABLE addresses ALTER street TYPE int USING id")
        .expect("works");
    let error = uow
        .query::<Customer>("true")
        .with(|customer| {
            customer.children::<Order>().limit(1).with(|order| {
                order.parent_by::<Address>("sent_to");
            });
        })
        .load();
    // Numbers are read as strings, as `query` does.
    assert!(error.is_ok(), "{:?}", error.map(drop));
    schema
        .client()
        .batch_execute("ALTER TABLE lines ALTER quantity TYPE text USING 'x'")
        .expect("works");
    let error = uow
        .query::<Order>("true")
        .with(|order| {
            order.children::<Line>();
        })
        .load()
        .map(drop)
        .expect_err("another type");
    assert_eq!(
        (error.kind(), error.table(), error.column()),
        (ErrorKind::Decode, Some("lines"), Some("quantity")),
        "{error}"
    );
    Ok(())
}

mod tenants {
    use onetrip::{Error, ErrorKind, ForeignKey, Model, Strategy, UnitOfWork};

    use crate::SPLIT;
    use crate::common::Schema;

    #[derive(Model, Clone, Debug)]
    #[model(table = "tenants")]
    struct Tenant {
        #[model(key)]
        id: i32,
    }

    #[derive(Model, Clone, Debug)]
    #[model(table = "payers")]
    struct Payer {
        #[model(key)]
        tenant_id: ForeignKey<Tenant>,
        #[model(key)]
        id: i32,
    }

    /// Three foreign keys have a column in common, and two of them lead to one table.
    #[derive(Model, Clone, Debug)]
    #[model(table = "invoices")]
    struct Invoice {
        #[model(key)]
        tenant_id: ForeignKey<Tenant>,
        #[model(key)]
        id: i32,
        #[model(column("tenant_id", "buyer"))]
        buyer: Option<ForeignKey<Payer>>,
        #[model(column("tenant_id", "payer"))]
        payer: Option<ForeignKey<Payer>>,
    }

    #[test]
    fn a_foreign_key_is_named_by_a_column_that_it_has_alone() -> Result<(), Error> {
        let schema = Schema::new(
            "graph_tenants",
            "CREATE TABLE tenants (id int PRIMARY KEY);
             CREATE TABLE payers (tenant_id int REFERENCES tenants, id int, PRIMARY KEY (tenant_id, id));
             CREATE TABLE invoices (tenant_id int REFERENCES tenants, id int, buyer int, payer int,
                 PRIMARY KEY (tenant_id, id), FOREIGN KEY (tenant_id, buyer) REFERENCES payers,
                 FOREIGN KEY (tenant_id, payer) REFERENCES payers);
             INSERT INTO tenants VALUES (1), (2);
             INSERT INTO payers SELECT t, n FROM generate_series(1, 2) AS t, generate_series(1, 3) AS n;
             INSERT INTO invoices VALUES (1, 1, 1, 2), (1, 2, 3, NULL), (2, 1, NULL, 2)",
        );
        let strategy = Strategy::default();
        for is_split in SPLIT {
            let mut client = schema.client();
            let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy.clone());
            let query = uow.query::<Invoice>("true").order_by("tenant_id, id").with(|invoice| {
                invoice.parent_by::<Payer>("buyer");
                invoice.parent_by::<Payer>("payer").with(|payer| {
                    payer.children_by::<Invoice>("payer");
                });
            });
            let graph = if is_split { query.split() } else { query }.load()?;
            let mut seen = Vec::new();
            for invoice in graph.roots() {
                let id = |payer: Option<onetrip::Handle<Payer>>| payer.map(|payer| uow[payer].id);
                let payer = graph.parent_by::<Payer>("payer", invoice)?;
                seen.push((id(graph.parent_by::<Payer>("buyer", invoice)?), id(payer)));
                if let Some(payer) = payer {
                    let invoices = graph.children_by::<Invoice>("payer", payer)?;
                    assert_eq!(invoices.collect::<Vec<_>>(), [invoice]);
                }
            }
            assert_eq!(seen, [(Some(1), Some(2)), (Some(3), None), (None, Some(2))]);
        }
        let mut client = schema.client();
        let mut uow = UnitOfWork::new(&mut client).with_strategy(strategy.clone());
        let query = uow.query::<Invoice>("true").with(|invoice| {
            invoice.parent_by::<Payer>("tenant_id");
        });
        let error = query.load().map(drop).expect_err("two have it");
        assert_eq!(error.kind(), ErrorKind::Model);
        assert!(error.to_string().contains("several foreign keys that refer to payers"), "{error}");
        Ok(())
    }
}
