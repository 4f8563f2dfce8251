//! Documents, read and validated once and kept by their hash: those that callers send, those that
//! they name by hash alone, and those of a folder that are trusted. One structure for all three.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition};
use async_graphql::{Name, Positioned, Request, ServerError};
use sha2::{Digest, Sha256};

use super::answer;
use super::arguments::{self, Checked};
use super::code::Code;
use super::guard::{self, Refused, Verdict};
use super::limits::Limits;
use super::types::Types;
use super::values::Fallback;
use crate::graphql::{AppSchema, Direct, validator};
use crate::limit::Shared;

/// The SHA-256 of a document's text.
pub type Hash = [u8; 32];

/// A document that the guard and the validator let pass.
#[derive(Debug)]
pub struct Document {
    hash: Hash,
    parsed: ExecutableDocument,
    direct: Option<Direct>,
    verdict: Verdict,
    fallbacks: HashMap<Option<Name>, Vec<Fallback>>,
    /// Bytes that it takes, about.
    weight: usize,
    /// Whether it was asked for since it was last considered for removal.
    is_used: AtomicBool,
}

/// Which document a request means: its text, its hash, or both.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Its text.
    pub text: Option<String>,
    /// Its hash.
    pub hash: Option<Hash>,
}

/// Documents of a folder, and whether others are taken.
#[derive(Debug, Clone, Default)]
pub struct Trusted {
    /// Where each stands, and its text.
    pub documents: Vec<(PathBuf, String)>,
    /// Whether no others are taken.
    pub only: bool,
}

/// All documents.
pub struct Documents {
    types: Types,
    validator: AppSchema,
    trusted: HashMap<Hash, Arc<Document>>,
    only_trusted: bool,
    kept: RwLock<Kept>,
    shared: Option<Shared>,
}

/// Documents that callers sent. Those that nobody asked for lately go first.
#[derive(Default)]
struct Kept {
    by_hash: HashMap<Hash, Arc<Document>>,
    order: VecDeque<Hash>,
    weight: usize,
}

impl Document {
    /// The SHA-256 of its text, in hexadecimal digits.
    pub fn hash(&self) -> impl std::fmt::Display {
        base16(self.hash)
    }

    /// The whole document.
    pub fn parsed(&self) -> &ExecutableDocument {
        &self.parsed
    }

    /// Its operation, where it can be answered without the executor.
    pub fn direct(&self) -> Option<&Direct> {
        self.direct.as_ref()
    }

    /// What the guard found out.
    pub(super) fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// What variables of an operation are where they are not given.
    pub(super) fn fallbacks(&self, operation: Option<&str>) -> &[Fallback] {
        let is_it =
            |name: &&Option<Name>| name.as_deref() == operation || self.fallbacks.len() == 1;
        let found = self.fallbacks.keys().find(is_it);
        found.map_or(&[], |name| self.fallbacks[name].as_slice())
    }

    /// The operation of this name, or the only one where none is named.
    ///
    /// # Errors
    ///
    /// Where there is none, or more than one.
    pub fn operation(
        &self,
        name: Option<&str>,
    ) -> Result<&Positioned<OperationDefinition>, Refused> {
        match (&self.parsed.operations, name) {
            (DocumentOperations::Single(operation), None) => Ok(operation),
            (DocumentOperations::Multiple(all), None) if all.len() == 1 => {
                Ok(all.values().next().expect("one operation"))
            }
            (DocumentOperations::Multiple(_), None) => Err(Refused::new(
                Code::OperationNotFound,
                "expected an operationName, since the document has several operations",
            )),
            (DocumentOperations::Multiple(all), Some(name)) if all.contains_key(name) => {
                Ok(&all[name])
            }
            (_, Some(_)) => Err(Refused::new(
                Code::OperationNotFound,
                "expected the operationName of an operation in the document, found another",
            )),
        }
    }
}

impl Documents {
    /// No documents yet, but trusted ones.
    ///
    /// # Errors
    ///
    /// The first trusted document that is refused, and why.
    pub async fn new(trusted: &Trusted, limits: &Limits) -> Result<Self, (PathBuf, String)> {
        let validator = validator();
        let types = Types::of(&validator.sdl());
        let mut documents = Self {
            types,
            validator,
            trusted: HashMap::new(),
            only_trusted: trusted.only,
            kept: RwLock::default(),
            shared: None,
        };
        for (path, text) in &trusted.documents {
            match documents.read(text, hash(text), limits).await {
                Ok(document) => documents.trusted.insert(document.hash, Arc::new(document)),
                Err(errors) => {
                    let message = errors.into_iter().next().map(|error| error.message);
                    return Err((path.clone(), message.unwrap_or_default()));
                }
            };
        }
        Ok(documents)
    }

    /// Keeps what callers send where other servers find it, too.
    pub fn share(&mut self, shared: Option<Shared>) {
        self.shared = shared;
    }

    /// The types that they are checked against.
    pub fn types(&self) -> &Types {
        &self.types
    }

    /// The document that a request means.
    ///
    /// # Errors
    ///
    /// Where it is refused, not known, or not trusted.
    pub async fn find(
        &self,
        wanted: &Wanted,
        limits: &Limits,
    ) -> Result<Arc<Document>, Vec<ServerError>> {
        let Some(text) = &wanted.text else {
            let known = wanted.hash.and_then(|hash| self.known(&hash));
            return match (known, wanted.hash) {
                (Some(found), _) => Ok(found),
                (None, Some(hash)) => self.find_shared(hash, limits).await,
                (None, None) => Err(vec![self.not_known().into()]),
            };
        };
        // The length comes first of all, so that nothing long is even hashed.
        guard::check_length(text, limits).map_err(|refused| vec![refused.into()])?;
        let hash = hash(text);
        if wanted.hash.is_some_and(|wanted| wanted != hash) {
            let message = "expected the SHA-256 of the query, found another";
            return Err(vec![Refused::new(Code::PersistedQueryMismatch, message).into()]);
        }
        if let Some(found) = self.known(&hash) {
            // Another server has asked for it, or Redis has forgotten it.
            self.keep_shared(wanted, &hash, text);
            return Ok(found);
        }
        if self.only_trusted {
            return Err(vec![self.not_known().into()]);
        }
        let document = Arc::new(self.read(text, hash, limits).await?);
        self.keep(hash, &document, limits);
        self.keep_shared(wanted, &hash, text);
        Ok(document)
    }

    /// Lets other servers have a document that its caller means to name by its hash.
    fn keep_shared(&self, wanted: &Wanted, hash: &Hash, text: &str) {
        if let (Some(shared), Some(_), false) = (&self.shared, wanted.hash, self.only_trusted) {
            shared.keep_document(hash, text);
        }
    }

    /// The document with this hash that another server was sent. It is read as though a caller had
    /// sent it: what others can write to is not trusted.
    async fn find_shared(
        &self,
        wanted: Hash,
        limits: &Limits,
    ) -> Result<Arc<Document>, Vec<ServerError>> {
        let not_known = || vec![self.not_known().into()];
        let shared = self.shared.as_ref().filter(|_| !self.only_trusted);
        let text = shared.ok_or_else(not_known)?.document(&wanted).await.ok_or_else(not_known)?;
        if text.len() > limits.document_bytes || hash(&text) != wanted {
            return Err(not_known());
        }
        let document = Arc::new(self.read(&text, wanted, limits).await?);
        self.keep(wanted, &document, limits);
        Ok(document)
    }

    fn known(&self, hash: &Hash) -> Option<Arc<Document>> {
        if let Some(trusted) = self.trusted.get(hash) {
            return Some(Arc::clone(trusted));
        }
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let found = kept.by_hash.get(hash)?;
        found.is_used.store(true, Ordering::Relaxed);
        Some(Arc::clone(found))
    }

    fn not_known(&self) -> Refused {
        if self.only_trusted {
            let message = "expected one of the trusted documents, found another";
            return Refused::new(Code::DocumentNotTrusted, message);
        }
        // The words that clients look for.
        Refused::new(Code::PersistedQueryNotFound, "PersistedQueryNotFound")
    }

    /// Reads a document: the guard, the parser, the guard again, and then the validator.
    async fn read(
        &self,
        text: &str,
        hash: Hash,
        limits: &Limits,
    ) -> Result<Document, Vec<ServerError>> {
        let refuse = |refused: Refused| vec![refused.into()];
        guard::check(text, limits).map_err(refuse)?;
        let (parsed, verdict) = guard::read(text, &self.types, limits).map_err(refuse)?;
        let Checked { errors, fallbacks } = arguments::check(&parsed, &self.types);
        if !errors.is_empty() {
            return Err(errors);
        }
        let mut request = Request::new("");
        request.set_parsed_query(parsed.clone());
        let errors = self.validator.execute(request).await.errors;
        if !errors.is_empty() {
            let coded = errors.into_iter().map(|it| answer::coded(it, Code::ValidationFailed));
            return Err(coded.collect());
        }
        // What is parsed takes some thirty times as much as its text.
        let weight = 2_048 + 32 * text.len();
        let (direct, is_used) = (Direct::of(&parsed), AtomicBool::new(false));
        Ok(Document { hash, parsed, direct, verdict, fallbacks, weight, is_used })
    }

    fn keep(&self, hash: Hash, document: &Arc<Document>, limits: &Limits) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if document.weight <= limits.kept_bytes && !kept.by_hash.contains_key(&hash) {
            kept.make_room(limits.kept_bytes - document.weight);
            kept.weight += document.weight;
            kept.order.push_back(hash);
            kept.by_hash.insert(hash, Arc::clone(document));
        }
    }
}

impl Kept {
    /// Removes documents until no more than so many bytes are taken. One that was asked for since
    /// the last time is passed over once.
    fn make_room(&mut self, most: usize) {
        while self.weight > most {
            let Some(hash) = self.order.pop_front() else { return };
            let document = &self.by_hash[&hash];
            if document.is_used.swap(false, Ordering::Relaxed) {
                self.order.push_back(hash);
            } else {
                self.weight -= document.weight;
                self.by_hash.remove(&hash);
            }
        }
    }
}

/// The hash that a document is known by.
pub fn hash(text: &str) -> Hash {
    Sha256::digest(text.as_bytes()).into()
}

/// Hexadecimal digits of a hash.
fn base16(hash: Hash) -> impl std::fmt::Display {
    std::fmt::from_fn(move |f| hash.iter().try_for_each(|byte| write!(f, "{byte:02x}")))
}
