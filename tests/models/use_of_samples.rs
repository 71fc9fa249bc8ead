//! Rows are written and read by printed models.

use std::fmt::Debug;

use onetrip::{ForeignKey, Model, UnitOfWork, Value};
use time::macros::{date, datetime, time};

use crate::printed::{chinook, northwind, oddities, pagila};
use crate::restored::Restored;

#[test]
fn chinook_gets_an_album() {
    let mut restored = Restored::new("chinook", include_str!("schemas/chinook.sql"));
    let mut uow = UnitOfWork::new(&mut restored.client);
    let artist = uow.add(chinook::Artist { artist_id: None, name: Some("Ada".into()) });
    let album = uow.add(chinook::Album {
        album_id: None,
        title: "One Trip".into(),
        artist_id: artist.into(),
    });
    let media =
        uow.find_or_add(chinook::MediaType { media_type_id: 1, name: "LP".into() }).unwrap();
    let genre = uow.add(chinook::Genre { genre_id: 7, name: None });
    let track = uow.add(chinook::Track {
        track_id: None,
        name: "There".into(),
        album_id: album.into(),
        media_type_id: media.into(),
        genre_id: genre.into(),
        composer: None,
        milliseconds: 200_000,
        bytes: None,
        unit_price: "0.99".parse().unwrap(),
    });
    let boss = uow.add(employee(None));
    let employee = uow.add(employee(Some(boss.into())));
    let customer = uow.add(chinook::Customer {
        customer_id: None,
        first_name: "Bob".into(),
        last_name: "B".into(),
        email: "bob@example.org".into(),
        support_rep_id: employee.into(),
    });
    let invoice = uow.add(chinook::Invoice {
        invoice_id: None,
        customer_id: customer.into(),
        invoice_date: None,
        total: "1.98".parse().unwrap(),
    });
    let line = uow.add(chinook::InvoiceLine {
        invoice_line_id: None,
        invoice_id: invoice.into(),
        track_id: track.into(),
        unit_price: "0.99".parse().unwrap(),
        quantity: 2,
        amount: None,
    });
    assert_eq!(uow.commit().unwrap().round_trips(), 1);
    assert_eq!(uow[line].amount, Some("1.98".parse().unwrap()));
    assert!(uow[invoice].invoice_date.is_some());

    let written = uow[track].clone();
    uow.clear();
    let found = uow.find::<chinook::Track>(written.track_id.unwrap()).unwrap().unwrap();
    assert_eq!(uow[found], written);
}

fn employee(reports_to: Option<ForeignKey<chinook::Employee>>) -> chinook::Employee {
    chinook::Employee {
        employee_id: None,
        last_name: "E".into(),
        first_name: "Eve".into(),
        reports_to,
        birth_date: Some(datetime!(1990-01-01 00:00)),
        hire_date: None,
        country: Some("GB".into()),
        email: None,
    }
}

#[test]
fn northwind_gets_an_order_and_takes_it_back() {
    let mut restored = Restored::new("northwind", include_str!("schemas/northwind.sql"));
    let mut uow = UnitOfWork::new(&mut restored.client);
    let customer = uow.add(northwind::Customers {
        customer_id: "ADA".into(),
        company_name: "Ada".into(),
        phone: None,
        details: serde_json::json!({ "since": 1843 }),
        document: Some("<a>b</a>".into()),
        notes: Some("{\"a\": 1}".into()),
    });
    let order = uow.add(northwind::Orders {
        order_id: 1,
        customer_id: customer.into(),
        employee_id: None,
        order_date: Some(date!(2024 - 02 - 29)),
        ship_via: None,
        freight: Some(1.5),
        placed: None,
    });
    let product = uow.add(northwind::Products {
        product_id: 2,
        product_name: "Tea".into(),
        supplier_id: None,
        category_id: None,
        unit_price: Some(0.5),
        units_in_stock: 3,
        discontinued: 0,
        tags: vec!["green".into()],
    });
    let line = uow.add(northwind::OrderDetails {
        order_id: order.into(),
        product_id: product.into(),
        unit_price: 0.5,
        quantity: 4,
        discount: 0.0,
    });
    let taken_back = uow.add(northwind::Returns {
        return_id: None,
        why: None,
        refund: Some("$2.00".into()),
        order_details: line.into(),
    });
    uow.add(northwind::ReturnSteps { return_id: taken_back.into(), step: 1, at: time!(12:00) });
    assert_eq!(uow.commit().unwrap().round_trips(), 1);
    let written = uow[taken_back].clone();
    assert_eq!(written.order_details, ForeignKey::Key((1, 2)));
    uow.clear();
    let found = uow.find::<northwind::Returns>(written.return_id.unwrap()).unwrap().unwrap();
    assert_eq!(uow[found], written);
    let customer = uow.find::<northwind::Customers>("ADA").unwrap().unwrap();
    assert_eq!(uow[customer].document.as_deref(), Some("<a>b</a>"));
    assert_eq!(uow[customer].details["since"], 1843);
}

#[test]
fn pagila_lends_a_film() {
    let mut restored = Restored::new("pagila", include_str!("schemas/pagila.sql"));
    let mut uow = UnitOfWork::new(&mut restored.client);
    let country = uow.add(pagila::Country { country_id: None, country: "Wales".into() });
    let city =
        uow.add(pagila::City { city_id: None, city: "Cardiff".into(), country_id: country.into() });
    let address = uow.add(pagila::Address {
        address_id: None,
        address: "1 Road".into(),
        address2: None,
        city_id: city.into(),
        phone: "1".into(),
    });
    let language = uow.add(pagila::Language { language_id: None, name: "Welsh".into() });
    let film = uow.add(pagila::Film {
        film_id: None,
        title: "One Trip".into(),
        description: None,
        release_year: Some(2024),
        language_id: language.into(),
        original_language_id: None,
        rental_duration: 3,
        rental_rate: "4.99".parse().unwrap(),
        length: Some(90),
        rating: Some(pagila::MpaaRating::Pg13),
        ratings_abroad: Some(vec![pagila::MpaaRating::G, pagila::MpaaRating::Nc17]),
        own_rating: Some(pagila::MpaaRating::R),
        last_update: None,
        special_features: Some(vec!["Trailers".into()]),
        grid: Some("{{1,2},{3,4}}".into()),
        views: 5,
        fulltext: String::new(),
    });
    let actor = uow.add(pagila::Actor {
        actor_id: None,
        first_name: "Ada".into(),
        last_name: "A".into(),
        last_update: None,
    });
    let plays = uow.add(pagila::FilmActor { actor_id: actor.into(), film_id: film.into() });
    // Each refers to the other, and neither can wait.
    let staff = uow.add(pagila::Staff {
        staff_id: None,
        first_name: "Bob".into(),
        email: Some("bob@example.org".into()),
        store_id: ForeignKey::Key(0),
        active: true,
        picture: Some(vec![1, 2, 3]),
    });
    let store = uow.add(pagila::Store {
        store_id: None,
        manager_staff_id: staff.into(),
        address_id: address.into(),
    });
    uow[staff].store_id = store.into();
    let customer = uow.add(pagila::Customer {
        customer_id: None,
        store_id: store.into(),
        email: None,
        activebool: true,
        create_date: None,
        active: None,
    });
    let inventory = uow.add(pagila::Inventory {
        inventory_id: None,
        film_id: film.into(),
        store_id: store.into(),
    });
    let at = datetime!(2022-05-01 12:00 UTC);
    let rental = uow.add(pagila::Rental {
        rental_id: None,
        rental_date: at,
        inventory_id: inventory.into(),
        customer_id: customer.into(),
        return_date: None,
        staff_id: staff.into(),
    });
    let payment = uow.add(pagila::Payment {
        payment_date: pagila::TimestamptzKey(at),
        payment_id: None,
        customer_id: customer.into(),
        staff_id: staff.into(),
        rental_id: rental.into(),
        amount: "4.99".parse().unwrap(),
    });
    let refund = uow.add(pagila::Refund { payment: payment.into(), why: "a scratch".into() });
    uow.commit().unwrap();

    assert!(uow[film].last_update.is_some());
    let (film, refund, plays) = (uow[film].clone(), uow[refund].clone(), uow[plays].clone());
    uow.clear();
    let found = uow.find::<pagila::Film>(film.film_id.unwrap()).unwrap().unwrap();
    assert_eq!(uow[found].fulltext, "'one':1 'trip':2");
    assert_eq!(uow[found], pagila::Film { fulltext: "'one':1 'trip':2".into(), ..film });
    let key = *refund.payment.key().expect("it is written");
    assert_eq!(key.0, pagila::TimestamptzKey(at));
    let found = uow.find::<pagila::Refund>(key).unwrap().unwrap();
    assert_eq!(uow[found], refund);
    is_read_as_it_was_written(&mut uow, &plays);
}

#[test]
fn keys_of_every_kind_are_referred_to() {
    let mut restored = Restored::new("oddities", include_str!("schemas/oddities.sql"));
    let mut uow = UnitOfWork::new(&mut restored.client);
    let by_flag = uow.add(oddities::ByFlag {
        flag: oddities::BoolKey(true),
        kind: oddities::Kind::KindB,
        amount: oddities::NumericKey("1.50".parse().unwrap()),
        at: oddities::TimeKey(time!(12:30)),
        host: oddities::InetKey("::1".parse().unwrap()),
        number: oddities::OidKey(7),
        day: date!(2024 - 01 - 01),
    });
    let by_flag_2 = uow.add(oddities::ByFlag2 { id: None, by_flag: by_flag.into() });
    let by_domain = uow.add(oddities::ByDomain { id: None });
    let of_domain = uow.add(oddities::OfDomain {
        id: None,
        a: by_domain.into(),
        b: by_domain.into(),
        c: by_domain.into(),
    });
    let by_float = uow.add(oddities::ByFloat { f: "1.5".into() });
    let of_float = uow.add(oddities::OfFloat { id: None, f: by_float.into(), g: by_float.into() });
    let mood = uow.add(oddities::Mood {
        id: None,
        my_mood: oddities::MyMood::ItSSo,
        kinds: Some(vec![oddities::Kind::KindC]),
        moods: Some(vec![oddities::MyMood::Größe, oddities::MyMood::Label]),
        nothing: None,
        pair: Some("(1,a)".into()),
        pairs: Some(vec!["(1,a)".into()]),
    });
    let tenant = uow.add(oddities::Tenants { id: None, name: "a".into(), other: "b".into() });
    let client = uow.add(oddities::Clients {
        tenant_id: tenant.into(),
        id: None,
        email: "a@example.org".into(),
    });
    let bill = uow.add(oddities::Bills {
        tenant_id: tenant.into(),
        id: None,
        tenant_name: None,
        client: client.into(),
        payer: None,
    });
    let line = uow.add(oddities::BillLines {
        bills: bill.into(),
        line: 1,
        tenant_id_of_tenants: tenant.into(),
    });
    uow.commit().unwrap();
    let tenant = uow[tenant].id.unwrap();
    let loose = uow.add(oddities::Loose {
        id: None,
        tenant_id: tenant,
        small_tenant: tenant,
        big_client: client.into(),
        client: None,
    });
    uow.commit().unwrap();

    let (by_flag, by_flag_2) = (uow[by_flag].clone(), uow[by_flag_2].clone());
    let (of_domain, of_float) = (uow[of_domain].clone(), uow[of_float].clone());
    let (mood, line, loose) = (uow[mood].clone(), uow[line].clone(), uow[loose].clone());
    uow.clear();
    is_read_as_it_was_written(&mut uow, &by_flag);
    is_read_as_it_was_written(&mut uow, &by_flag_2);
    is_read_as_it_was_written(&mut uow, &of_domain);
    is_read_as_it_was_written(&mut uow, &of_float);
    is_read_as_it_was_written(&mut uow, &mood);
    is_read_as_it_was_written(&mut uow, &line);
    is_read_as_it_was_written(&mut uow, &loose);
    let error = oddities::MyMood::decode(b"other").unwrap_err();
    assert_eq!(error.to_string(), "a label that this program does not know");
}

#[track_caller]
fn is_read_as_it_was_written<T: Model + PartialEq + Debug>(uow: &mut UnitOfWork<'_>, entity: &T) {
    let found = uow.find::<T>(entity.key().expect("it is written")).expect("it can be read");
    assert_eq!(&uow[found.expect("it is there")], entity);
}
