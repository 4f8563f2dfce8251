//! The database's versions, for SQLite and PostgreSQL.
//!
//! Each migration is written in each database's own SQL, side by side in its folder: names of
//! constraints, partial indexes, checks and triggers are what the rest of the system relies on,
//! and there they can be read as they are. This crate knows nothing of the rest of the workspace,
//! so that a migration never changes because the code around it did.

use sea_orm_migration::async_trait::async_trait;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};
use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, MigratorTrait, SchemaManager};

/// The two scripts of a migration for one database.
macro_rules! up_down {
    ($path:literal) => {
        UpDown {
            up: include_str!(concat!($path, "_up.sql")),
            down: include_str!(concat!($path, "_down.sql")),
        }
    };
}

/// All migrations, oldest first.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let migration = |name, sqlite, postgres| -> Box<dyn MigrationTrait> {
            Box::new(SqlMigration { name, sqlite, postgres })
        };
        vec![
            migration(
                "m20261122_000001_bookings",
                up_down!("bookings/sqlite"),
                up_down!("bookings/postgres"),
            ),
            migration(
                "m20261125_000002_audit",
                up_down!("audit/sqlite"),
                up_down!("audit/postgres"),
            ),
            migration(
                "m20261125_000003_keys_and_changes",
                up_down!("keys_and_changes/sqlite"),
                up_down!("keys_and_changes/postgres"),
            ),
            migration(
                "m20261125_000004_archive",
                up_down!("archive/sqlite"),
                up_down!("archive/postgres"),
            ),
            migration(
                "m20261125_000005_api_keys",
                up_down!("api_keys/sqlite"),
                up_down!("api_keys/postgres"),
            ),
            migration(
                "m20261125_000006_affected",
                up_down!("affected/sqlite"),
                up_down!("affected/postgres"),
            ),
            migration(
                "m20261125_000007_turns",
                up_down!("turns/sqlite"),
                up_down!("turns/postgres"),
            ),
            migration(
                "m20261128_000008_current",
                up_down!("current/sqlite"),
                up_down!("current/postgres"),
            ),
        ]
    }
}

/// The way to a version and the way back.
struct UpDown {
    up: &'static str,
    down: &'static str,
}

/// A migration that is nothing but SQL.
struct SqlMigration {
    name: &'static str,
    sqlite: UpDown,
    postgres: UpDown,
}

impl SqlMigration {
    fn script(&self, backend: DbBackend) -> Result<&UpDown, DbErr> {
        match backend {
            DbBackend::Sqlite => Ok(&self.sqlite),
            DbBackend::Postgres => Ok(&self.postgres),
            other => Err(DbErr::Migration(format!("{other:?} is not supported"))),
        }
    }
}

impl MigrationName for SqlMigration {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait]
impl MigrationTrait for SqlMigration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let script = self.script(manager.get_database_backend())?;
        manager.get_connection().execute_unprepared(script.up).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let script = self.script(manager.get_database_backend())?;
        manager.get_connection().execute_unprepared(script.down).await?;
        Ok(())
    }

    /// SQLite's schema changes are transactional too: a version is there wholly or not at all.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
