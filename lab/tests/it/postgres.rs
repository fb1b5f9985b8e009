//! PostgreSQL: a database for each test.

use ritorno_lab::Lab;

#[test]
fn a_fresh_database_is_empty_each_time() {
    let postgresql = Lab::open().unwrap().postgresql();
    postgresql.start().unwrap();
    for _ in 0..2 {
        let url = postgresql.fresh_database("lab_fresh").unwrap();
        assert!(url.ends_with("/lab_fresh"));
        postgresql.sql("lab_fresh", "CREATE TABLE once (n int)").unwrap();
    }
    let name = postgresql.fresh_database("x; DROP TABLE y").unwrap_err();
    assert!(name.to_string().contains("no plain database name"));
}
