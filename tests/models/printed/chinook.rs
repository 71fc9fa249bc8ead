// Models, printed by onetrip-models. They are yours to change; `verify` at the end says where
// they and a database differ.
//
// In Cargo.toml:
//
//     onetrip = { version = "0.1", features = ["with-rust_decimal-1", "with-time-0_3"] }
//     postgres = "0.19"
//     rust_decimal = "1"
//     time = "0.3"

use onetrip::{ForeignKey, Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "Album")]
pub struct Album {
    #[model(key, column = "AlbumId")]
    pub album_id: Option<i32>,
    #[model(column = "Title")]
    pub title: String,
    #[model(column = "ArtistId")]
    pub artist_id: ForeignKey<Artist>,
}

/// Who plays, alone or in a band.
#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "Artist")]
pub struct Artist {
    #[model(key, column = "ArtistId")]
    pub artist_id: Option<i32>,
    #[model(column = "Name")]
    pub name: Option<String>,
}

// The unique index IX_CustomerEmail is partial, on expressions, or not valid.
#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "Customer")]
pub struct Customer {
    #[model(key, column = "CustomerId")]
    pub customer_id: Option<i32>,
    #[model(column = "FirstName")]
    pub first_name: String,
    #[model(column = "LastName")]
    pub last_name: String,
    #[model(column = "Email")]
    pub email: String,
    #[model(column = "SupportRepId")]
    pub support_rep_id: Option<ForeignKey<Employee>>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "Employee")]
pub struct Employee {
    #[model(key, column = "EmployeeId")]
    pub employee_id: Option<i32>,
    #[model(column = "LastName")]
    pub last_name: String,
    #[model(column = "FirstName")]
    pub first_name: String,
    #[model(column = "ReportsTo")]
    pub reports_to: Option<ForeignKey<Employee>>,
    #[model(column = "BirthDate")]
    pub birth_date: Option<time::PrimitiveDateTime>,
    #[model(default, column = "HireDate")]
    pub hire_date: Option<time::Date>,
    // The default 'CA'::bpchar is not used, and `None` is NULL.
    #[model(column = "Country")]
    pub country: Option<String>,
    #[model(column = "Email")]
    pub email: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "Genre")]
pub struct Genre {
    #[model(key, column = "GenreId")]
    pub genre_id: i32,
    #[model(column = "Name")]
    pub name: Option<String>,
}

// Import Log is a table without a key. It has no primary key, and no unique index on columns that are NOT NULL.
// To have a model of it, mark the fields that are its key:
//
// #[derive(Debug, Clone, PartialEq, Model)]
// #[model(table = "Import Log")]
// pub struct ImportLog {
//     #[model(default, column = "When")]
//     pub when: Option<Option<time::OffsetDateTime>>,
//     #[model(column = "What")]
//     pub what: Option<String>,
// }

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "Invoice")]
pub struct Invoice {
    #[model(key, column = "InvoiceId")]
    pub invoice_id: Option<i32>,
    #[model(column = "CustomerId")]
    pub customer_id: ForeignKey<Customer>,
    #[model(default, column = "InvoiceDate")]
    pub invoice_date: Option<time::PrimitiveDateTime>,
    #[model(column = "Total")]
    pub total: rust_decimal::Decimal,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "InvoiceLine")]
pub struct InvoiceLine {
    #[model(key, column = "InvoiceLineId")]
    pub invoice_line_id: Option<i32>,
    #[model(column = "InvoiceId")]
    pub invoice_id: ForeignKey<Invoice>,
    #[model(column = "TrackId")]
    pub track_id: ForeignKey<Track>,
    #[model(column = "UnitPrice")]
    pub unit_price: rust_decimal::Decimal,
    #[model(column = "Quantity")]
    pub quantity: i32,
    #[model(generated, column = "Amount")]
    pub amount: Option<rust_decimal::Decimal>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "MediaType")]
pub struct MediaType {
    #[model(key, column = "MediaTypeId")]
    pub media_type_id: i16,
    #[model(unique, column = "Name")]
    pub name: String,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "Playlist")]
pub struct Playlist {
    #[model(key, column = "PlaylistId")]
    pub playlist_id: Option<i32>,
    #[model(column = "Name")]
    pub name: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "PlaylistTrack")]
pub struct PlaylistTrack {
    #[model(key, column = "PlaylistId")]
    pub playlist_id: ForeignKey<Playlist>,
    #[model(key, column = "TrackId")]
    pub track_id: ForeignKey<Track>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "Track")]
pub struct Track {
    #[model(key, column = "TrackId")]
    pub track_id: Option<i64>,
    #[model(column = "Name")]
    pub name: String,
    #[model(column = "AlbumId")]
    pub album_id: Option<ForeignKey<Album>>,
    #[model(column = "MediaTypeId", sql_type = "int4")]
    pub media_type_id: ForeignKey<MediaType>,
    #[model(column = "GenreId", sql_type = "int2")]
    pub genre_id: Option<ForeignKey<Genre>>,
    #[model(column = "Composer")]
    pub composer: Option<String>,
    /// How long it is.
    /// Not how long it seems: \[see\] \<there>, \*really\*.
    #[model(column = "Milliseconds")]
    pub milliseconds: i32,
    #[model(column = "Bytes")]
    pub bytes: Option<i32>,
    // The default 0.99 is not used.
    #[model(column = "UnitPrice")]
    pub unit_price: rust_decimal::Decimal,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Album>()
        .model::<Artist>()
        .model::<Customer>()
        .model::<Employee>()
        .model::<Genre>()
        .model::<Invoice>()
        .model::<InvoiceLine>()
        .model::<MediaType>()
        .model::<Playlist>()
        .model::<PlaylistTrack>()
        .model::<Track>()
}
