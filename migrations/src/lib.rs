//! The database's versions, for SQLite and PostgreSQL.
//!
//! Each migration is written in each database's own SQL, side by side in its folder: names of
//! constraints, partial indexes, checks and triggers are what the rest of the system relies on,
//! and there they can be read as they are. This crate knows nothing of the rest of the workspace,
//! so that a migration never changes because the code around it did.

use sea_orm_migration::async_trait::async_trait;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};
use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, MigratorTrait, SchemaManager};

/// All migrations, oldest first.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(SqlMigration {
            name: "m20261122_000001_bookings",
            sqlite: UpDown {
                up: include_str!("bookings/sqlite_up.sql"),
                down: include_str!("bookings/sqlite_down.sql"),
            },
            postgres: UpDown {
                up: include_str!("bookings/postgres_up.sql"),
                down: include_str!("bookings/postgres_down.sql"),
            },
        })]
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
