//! The folder of trusted documents: those that front ends were built with.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::documents::{self, Trusted};
use super::request;

/// Why a folder of documents cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The operating system says no.
    #[error("expected to read trusted documents in {}, found an error: {source}", path.display())]
    Unreadable {
        /// What.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A manifest is none.
    #[error("expected {} to be an object of hashes and documents: {source}", path.display())]
    Malformed {
        /// Which.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A manifest names a document by another hash.
    #[error(
        "expected the documents in {} to be named by their SHA-256, found {found}; let the tool \
         that writes it use sha256",
        path.display()
    )]
    OtherHash {
        /// Which.
        path: PathBuf,
        /// The name of the document.
        found: String,
    },
    /// There is nothing.
    #[error("expected files that end in .graphql or .json in {}, found none", .0.display())]
    Empty(PathBuf),
}

/// Reads a folder: each file that ends in `.graphql` is a document, and each that ends in `.json`
/// an object of documents by their SHA-256 in hex, as code generators write it.
///
/// # Errors
///
/// Where something in it cannot be read, or there is nothing.
pub fn trusted_documents(folder: &Path, only: bool) -> Result<Trusted, FolderError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        |source| FolderError::Unreadable { path, source }
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
        paths.push(entry.map_err(unreadable(folder))?.path());
    }
    paths.sort();
    let mut documents = Vec::new();
    for path in paths {
        let ending = path.extension().and_then(|it| it.to_str()).unwrap_or_default();
        if !matches!(ending, "graphql" | "json") || is_variables(&path) {
            continue;
        }
        let text = fs::read_to_string(&path).map_err(unreadable(&path))?;
        if ending == "graphql" {
            documents.push((path, text));
        } else {
            documents.extend(manifest(&path, &text)?);
        }
    }
    if documents.is_empty() {
        return Err(FolderError::Empty(folder.to_owned()));
    }
    Ok(Trusted { documents, only })
}

/// Example variables stand beside their documents, as in `schema/graphql/operations`.
fn is_variables(path: &Path) -> bool {
    path.to_string_lossy().ends_with(".variables.json")
}

fn manifest(path: &Path, text: &str) -> Result<Vec<(PathBuf, String)>, FolderError> {
    let malformed = |source| FolderError::Malformed { path: path.to_owned(), source };
    let entries: BTreeMap<String, String> = serde_json::from_str(text).map_err(malformed)?;
    let mut documents = Vec::with_capacity(entries.len());
    for (name, document) in entries {
        let hash = request::parse_hash(name.trim_start_matches("sha256:"));
        if hash != Some(documents::hash(&document)) {
            return Err(FolderError::OtherHash { path: path.to_owned(), found: name });
        }
        documents.push((path.to_owned(), document));
    }
    Ok(documents)
}
