//! The codes of errors, in `extensions.code`. They are what callers decide by; messages are for
//! people and may change.

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident $name:literal,)+) => {
        /// The code of an error.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Code {
            /// All codes, those of resolvers included.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// As callers see it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// The code that callers see so.
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().find(|code| code.name() == name).copied()
            }
        }
    };
}

codes! {
    /// The request is not worded as GraphQL over HTTP.
    BadRequest "BAD_REQUEST",
    /// The body has another media type than JSON.
    UnsupportedMediaType "UNSUPPORTED_MEDIA_TYPE",
    /// The caller takes none of the media types that there are.
    NotAcceptable "NOT_ACCEPTABLE",
    /// Another method than GET and POST, or a mutation by GET.
    MethodNotAllowed "METHOD_NOT_ALLOWED",
    /// No such path.
    NotFound "NOT_FOUND",
    /// Several requests in one.
    BatchNotSupported "BATCH_NOT_SUPPORTED",
    /// A request of several parts, as for uploads.
    MultipartNotSupported "MULTIPART_NOT_SUPPORTED",
    /// The body is longer than it may be.
    BodyTooLarge "BODY_TOO_LARGE",
    /// The body did not come in time.
    BodyTimeout "BODY_TIMEOUT",
    /// The document is longer than it may be.
    DocumentTooLong "DOCUMENT_TOO_LONG",
    /// The document has more tokens than it may have.
    TooManyTokens "TOO_MANY_TOKENS",
    /// Brackets nest deeper than they may.
    DocumentTooDeep "DOCUMENT_TOO_DEEP",
    /// Fields nest deeper than they may.
    QueryTooDeep "QUERY_TOO_DEEP",
    /// More aliases than there may be.
    TooManyAliases "TOO_MANY_ALIASES",
    /// More fields at the root of a query than there may be.
    TooManyRootFields "TOO_MANY_ROOT_FIELDS",
    /// More fields at the root of a mutation than there may be.
    TooManyMutations "TOO_MANY_MUTATIONS",
    /// More directives than there may be.
    TooManyDirectives "TOO_MANY_DIRECTIVES",
    /// More fragments than there may be.
    TooManyFragments "TOO_MANY_FRAGMENTS",
    /// More selections, through fragments, than there may be.
    TooManySelections "TOO_MANY_SELECTIONS",
    /// A fragment is a part of itself.
    FragmentCycle "FRAGMENT_CYCLE",
    /// The answer could have more fields than it may have.
    TooComplex "TOO_COMPLEX",
    /// More is asked about the schema than may be.
    IntrospectionTooLarge "INTROSPECTION_TOO_LARGE",
    /// More rows are asked for than a page may have.
    PageTooLarge "PAGE_TOO_LARGE",
    /// The document does not follow the grammar.
    ParseFailed "GRAPHQL_PARSE_FAILED",
    /// The document does not fit the schema.
    ValidationFailed "GRAPHQL_VALIDATION_FAILED",
    /// The document has no operation of this name, or several and none is named.
    OperationNotFound "OPERATION_NOT_FOUND",
    /// A variable or an argument has a value that it may not have.
    BadUserInput "BAD_USER_INPUT",
    /// A cursor of a network that was replaced.
    StaleCursor "STALE_CURSOR",
    /// No document of this hash is known; it has to be sent whole.
    PersistedQueryNotFound "PERSISTED_QUERY_NOT_FOUND",
    /// The hash is not that of the document beside it.
    PersistedQueryMismatch "PERSISTED_QUERY_HASH_MISMATCH",
    /// Only trusted documents are taken, and this is none of them.
    DocumentNotTrusted "DOCUMENT_NOT_TRUSTED",
    /// A query took longer than it may.
    SearchTimeout "SEARCH_TIMEOUT",
    /// A mutation took longer than it is waited for; it may have taken effect.
    MutationTimeout "MUTATION_TIMEOUT",
    /// No API key was shown, or none that is good.
    Unauthenticated "UNAUTHENTICATED",
    /// The key is good, but not for this.
    Forbidden "FORBIDDEN",
    /// The key cannot be verified at the moment.
    AuthenticationUnavailable "AUTHENTICATION_UNAVAILABLE",
    /// The key, or the address, has made more requests than it may.
    TooManyRequests "TOO_MANY_REQUESTS",
    /// The key has looked people up more often than it may.
    TooManyLookups "TOO_MANY_LOOKUPS",
    /// The connection has more subscriptions than it may.
    TooManySubscriptions "TOO_MANY_SUBSCRIPTIONS",
    /// The server has more to do than it can.
    Overloaded "OVERLOADED",
    /// The bookings cannot be reached at the moment.
    BookingsUnavailable "BOOKINGS_UNAVAILABLE",
    /// The server failed.
    Internal "INTERNAL",
}

impl Code {
    /// Whether it is the server's fault that an operation has this error.
    pub fn is_of_server(self) -> bool {
        matches!(
            self,
            Self::SearchTimeout
                | Self::MutationTimeout
                | Self::AuthenticationUnavailable
                | Self::Overloaded
                | Self::BookingsUnavailable
                | Self::Internal
        )
    }
}
