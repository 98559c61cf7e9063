-- Texts never change: they are kept under the digest of what they say, each once.
CREATE TABLE text (
    digest VARCHAR PRIMARY KEY,
    content VARCHAR NOT NULL
);

-- What a name stood for, in the order in which this workspace saw it; the highest sequence holds now.
CREATE TABLE revision (
    sequence INTEGER PRIMARY KEY,
    kind VARCHAR NOT NULL,      -- template, surveyed, overrides or findings
    name VARCHAR NOT NULL,
    digest VARCHAR              -- NULL: there is no such file any more
);

-- What was generated from which inputs.
CREATE TABLE generation (
    sequence INTEGER PRIMARY KEY,
    path VARCHAR NOT NULL,
    inputs VARCHAR NOT NULL,
    body VARCHAR NOT NULL
);

CREATE VIEW present AS
SELECT kind, name, digest, sequence
FROM revision
QUALIFY row_number() OVER (PARTITION BY kind, name ORDER BY sequence DESC) = 1;
