//! Bugs that are planted in a database, each of which the checker must catch: constraints dropped,
//! and triggers that do what a wrong program would do.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend};

/// A bug: what it is called, and how it is planted on SQLite and on PostgreSQL, where it can be.
pub struct Bug {
    /// What is wrong.
    pub name: &'static str,
    sqlite: Option<&'static str>,
    /// A condition and statements of a trigger's function, or plain statements.
    postgres: Option<&'static str>,
}

/// All of them.
pub const ALL: [Bug; 14] = [
    Bug {
        name: "the constraint of one active reservation is gone",
        sqlite: Some("DROP INDEX uq_reservations_active"),
        postgres: Some("DROP INDEX uq_reservations_active"),
    },
    Bug {
        name: "idempotency keys are forgotten",
        sqlite: Some(
            "CREATE TRIGGER bug AFTER INSERT ON idempotency_keys BEGIN \
             DELETE FROM idempotency_keys WHERE key = NEW.key; END",
        ),
        postgres: Some(
            "AFTER INSERT ON idempotency_keys|DELETE FROM idempotency_keys WHERE key = NEW.key;",
        ),
    },
    Bug {
        name: "known clients are not found",
        sqlite: Some(
            "CREATE TRIGGER bug AFTER INSERT ON client_identities BEGIN \
             DELETE FROM client_identities WHERE identity = NEW.identity; END",
        ),
        postgres: Some(
            "AFTER INSERT ON client_identities|\
             DELETE FROM client_identities WHERE identity = NEW.identity;",
        ),
    },
    Bug {
        name: "the identity's primary key is gone",
        // SQLite has one writer, before which nobody is created twice.
        sqlite: None,
        postgres: Some("ALTER TABLE client_identities DROP CONSTRAINT pk_client_identities"),
    },
    Bug {
        name: "ticket numbers are handed out again, and their constraint is gone",
        sqlite: Some(
            "CREATE TABLE t AS SELECT * FROM tickets; DROP TABLE tickets; \
             ALTER TABLE t RENAME TO tickets; \
             CREATE TRIGGER bug AFTER UPDATE ON ticket_numbers BEGIN \
             UPDATE ticket_numbers SET last = OLD.last; END",
        ),
        postgres: Some(
            "ALTER TABLE tickets DROP CONSTRAINT uq_tickets_number; \
             CREATE FUNCTION bug() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             NEW.last = OLD.last; RETURN NEW; END $$; \
             CREATE TRIGGER bug BEFORE UPDATE ON ticket_numbers \
             FOR EACH ROW EXECUTE FUNCTION bug()",
        ),
    },
    Bug {
        name: "some trips lose their ticket",
        sqlite: Some(
            "CREATE TRIGGER bug AFTER INSERT ON tickets WHEN NEW.id % 4 = 0 BEGIN \
             DELETE FROM tickets WHERE id = NEW.id; END",
        ),
        postgres: None,
    },
    Bug {
        name: "some trips lose their legs",
        sqlite: Some(
            "CREATE TRIGGER bug AFTER INSERT ON trip_legs WHEN NEW.trip_id % 4 = 0 BEGIN \
             DELETE FROM trip_legs WHERE trip_id = NEW.trip_id; END",
        ),
        postgres: None,
    },
    Bug {
        name: "a cancellation leaves the reservations",
        sqlite: Some(
            "CREATE TRIGGER bug BEFORE UPDATE OF status ON reservations BEGIN \
             SELECT RAISE(IGNORE); END",
        ),
        postgres: None,
    },
    Bug {
        name: "versions are not counted",
        sqlite: Some(
            "CREATE TRIGGER bug AFTER UPDATE OF version ON trips BEGIN \
             UPDATE trips SET version = OLD.version WHERE id = NEW.id; END",
        ),
        postgres: None,
    },
    Bug {
        name: "some bookings are lost after they were acknowledged",
        sqlite: Some(
            "CREATE TRIGGER bug AFTER INSERT ON audit_log \
             WHEN NEW.effect = 'BOOKED' AND NEW.trip_id % 5 = 0 BEGIN \
             DELETE FROM tickets WHERE reservation_id IN \
             (SELECT id FROM reservations WHERE trip_id = NEW.trip_id); \
             DELETE FROM reservations WHERE trip_id = NEW.trip_id; \
             DELETE FROM trip_legs WHERE trip_id = NEW.trip_id; \
             DELETE FROM trips WHERE id = NEW.trip_id; END",
        ),
        postgres: None,
    },
    Bug {
        name: "some cancellations are undone",
        sqlite: Some(
            "CREATE TRIGGER bug AFTER INSERT ON audit_log \
             WHEN NEW.effect = 'TRIP_CANCELLED' AND NEW.trip_id % 2 = 0 BEGIN \
             UPDATE trips SET status = 'CONFIRMED', cancelled_at = NULL, version = 1 \
             WHERE id = NEW.trip_id; \
             UPDATE reservations SET status = 'CONFIRMED', cancelled_version = NULL \
             WHERE trip_id = NEW.trip_id; END",
        ),
        postgres: None,
    },
    Bug {
        name: "some effects have no row in the audit log",
        sqlite: Some(
            "CREATE TRIGGER bug BEFORE INSERT ON audit_log WHEN NEW.id % 4 = 0 BEGIN \
             SELECT RAISE(IGNORE); END",
        ),
        postgres: None,
    },
    Bug {
        name: "some trips get another traveller",
        sqlite: Some(
            // To the client before, who has mostly not booked the same; to one and the same client
            // there would go no second one in force.
            "CREATE TRIGGER bug AFTER INSERT ON reservations WHEN NEW.id % 3 = 0 BEGIN \
             UPDATE OR IGNORE reservations SET client_id = \
             (SELECT max(id) FROM clients WHERE id < NEW.client_id) WHERE id = NEW.id; END",
        ),
        postgres: None,
    },
    Bug {
        name: "cancelled trips keep their connection",
        sqlite: Some(
            "DROP INDEX uq_reservations_active; \
             CREATE UNIQUE INDEX bug \
             ON reservations (client_id, connection_signature, service_date)",
        ),
        postgres: Some(
            "DROP INDEX uq_reservations_active; \
             CREATE UNIQUE INDEX uq_reservations_active \
             ON reservations (client_id, connection_signature, service_date)",
        ),
    },
];

impl Bug {
    /// Plants it; false where this database cannot have it.
    ///
    /// # Panics
    ///
    /// Where the database refuses it.
    pub async fn plant(&self, raw: &DatabaseConnection) -> bool {
        let sql = match raw.get_database_backend() {
            DbBackend::Postgres => self.postgres,
            _ => self.sqlite,
        };
        let Some(sql) = sql else { return false };
        let sql = match sql.split_once('|') {
            Some((event, body)) => format!(
                "CREATE FUNCTION bug() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} \
                 RETURN NULL; END $$; \
                 CREATE TRIGGER bug {event} FOR EACH ROW EXECUTE FUNCTION bug()"
            ),
            None => sql.to_owned(),
        };
        raw.execute_unprepared(&sql).await.expect("a planted bug");
        true
    }
}
