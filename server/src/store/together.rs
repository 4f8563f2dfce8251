//! Several insertions in one message to the database. What a statement costs is, for the most
//! part, the way to the database and back: for SQLite that is another thread.

use sea_orm::{
    ConnectionTrait, DbBackend, EntityTrait, InsertMany, IntoActiveModel, QueryTrait, Statement,
    Value,
};

use super::error::StoreError;

/// Insertions that are sent together, in this order. They must not read what another one writes.
#[derive(Debug)]
pub(super) struct Together {
    backend: DbBackend,
    sql: Vec<String>,
    values: Vec<Value>,
    rows: u64,
}

impl Together {
    pub(super) fn new(backend: DbBackend) -> Self {
        Self { backend, sql: Vec::new(), values: Vec::new(), rows: 0 }
    }

    /// Adds the insertion of these rows; nothing where there are none.
    pub(super) fn insert<E, M>(&mut self, rows: impl IntoIterator<Item = M>)
    where
        E: EntityTrait,
        M: IntoActiveModel<E::ActiveModel>,
        E::ActiveModel: Send,
    {
        let rows: Vec<_> = rows.into_iter().map(IntoActiveModel::into_active_model).collect();
        if rows.is_empty() {
            return;
        }
        let count = rows.len() as u64;
        let insertion: InsertMany<E::ActiveModel> = E::insert_many(rows);
        self.add(&insertion, count);
    }

    /// Adds an insertion, which writes so many rows.
    pub(super) fn add(&mut self, insertion: &impl QueryTrait, rows: u64) {
        let statement = insertion.build(self.backend);
        // PostgreSQL only says how many rows the last insertion has written.
        self.rows = if self.backend == DbBackend::Postgres { rows } else { self.rows + rows };
        self.sql.push(renumbered(&statement.sql, self.backend, self.values.len()));
        self.values.extend(statement.values.map(|values| values.0).unwrap_or_default());
    }

    /// What was added before is written before what is added after this. SQLite writes in this
    /// order anyway; PostgreSQL, which knows no order within a message, is sent what there is.
    ///
    /// False where it is known already that not all rows were written; see [`Together::run`].
    pub(super) async fn barrier(
        &mut self,
        database: &impl ConnectionTrait,
    ) -> Result<bool, StoreError> {
        if self.backend != DbBackend::Postgres {
            return Ok(true);
        }
        std::mem::replace(self, Self::new(self.backend)).run(database).await
    }

    /// Sends them. False where fewer rows were written than were to be: some were there already,
    /// and an insertion said that then nothing is to be done. PostgreSQL tells it of the last
    /// insertion only.
    pub(super) async fn run(self, database: &impl ConnectionTrait) -> Result<bool, StoreError> {
        let sql = match (self.backend, self.sql.split_last()) {
            // One statement, of which the last part is the main one: a message has one statement.
            (DbBackend::Postgres, Some((last, others))) if !others.is_empty() => {
                let named = others.iter().zip(1..);
                let named: Vec<_> =
                    named.map(|(sql, number)| format!("part{number} AS ({sql})")).collect();
                format!("WITH {} {last}", named.join(", "))
            }
            _ => self.sql.join("; "),
        };
        let statement = Statement::from_sql_and_values(self.backend, sql, self.values);
        Ok(database.execute_raw(statement).await?.rows_affected() == self.rows)
    }
}

/// A statement whose parameters are counted from another number. SQLite's have none.
fn renumbered(sql: &str, backend: DbBackend, offset: usize) -> String {
    if backend != DbBackend::Postgres {
        return sql.to_owned();
    }
    let mut parts = sql.split('$');
    let mut renumbered = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        let number: usize = part[..digits].parse().unwrap_or_default();
        renumbered.push('$');
        renumbered.push_str(&(number + offset).to_string());
        renumbered.push_str(&part[digits..]);
    }
    renumbered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_counted_on() {
        let sql = r#"INSERT INTO "t" ("a", "b") VALUES ($1, $2), ($3, $10)"#;
        let expected = r#"INSERT INTO "t" ("a", "b") VALUES ($8, $9), ($10, $17)"#;
        assert_eq!(renumbered(sql, DbBackend::Postgres, 7), expected);
        assert_eq!(renumbered("VALUES (?, ?)", DbBackend::Sqlite, 7), "VALUES (?, ?)");
    }
}
