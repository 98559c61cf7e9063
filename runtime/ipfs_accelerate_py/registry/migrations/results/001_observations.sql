-- What was seen, and where. Names that may grow later are rows of lookup tables, because an ENUM cannot grow and a
-- CHECK cannot be added. Benchmarks, models and reports come as later migrations beside these tables.

CREATE TABLE kind (
    name VARCHAR PRIMARY KEY,
    meaning VARCHAR NOT NULL
);
INSERT INTO kind VALUES
    ('test', 'a property was tested'),
    ('control', 'something was made wrong on purpose, to see whether the result moves'),
    ('crash', 'the process of a test ended by itself'),
    ('timeout', 'the process of a test was stopped'),
    ('memory', 'the process of a test was killed for its memory');

CREATE TABLE outcome (
    name VARCHAR PRIMARY KEY,
    badness INTEGER NOT NULL,  -- of several observations of one cell the worst gives the reason
    phrase VARCHAR NOT NULL    -- how a reason begins
);
INSERT INTO outcome VALUES
    ('passed', 0, ''),
    ('skipped', 1, ''),
    ('failed', 2, ''),
    ('out_of_memory', 3, 'ran out of memory'),
    ('timed_out', 4, 'gave no answer in time'),
    ('crashed', 5, 'crashed');

-- Failures that say something about this machine at that moment, and nothing about the text under test.
CREATE TABLE local_failure (
    name VARCHAR PRIMARY KEY
);
INSERT INTO local_failure VALUES
    ('BackendError'), ('BlockingIOError'), ('BrokenPipeError'), ('ChildProcessError'), ('ConnectionError'),
    ('FileNotFoundError'), ('InterruptedError'), ('KeyboardInterrupt'), ('MemoryError'), ('OSError'),
    ('OutOfMemoryError'), ('PermissionError'), ('Timeout'), ('TimeoutError'), ('WorkspaceError');

CREATE TABLE environment (
    digest VARCHAR PRIMARY KEY,
    facts JSON NOT NULL
);

CREATE TABLE observation (
    id VARCHAR PRIMARY KEY,  -- given by the process that saw it, so that recording twice changes nothing
    run VARCHAR NOT NULL,
    worker VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    model_type VARCHAR NOT NULL,
    task VARCHAR NOT NULL,
    backend VARCHAR NOT NULL,
    precision VARCHAR NOT NULL,
    property VARCHAR NOT NULL,
    outcome VARCHAR NOT NULL,
    difference DOUBLE,
    tolerance DOUBLE,
    control DOUBLE,
    route VARCHAR,
    seconds DOUBLE NOT NULL,
    peak_mb DOUBLE,
    slice VARCHAR NOT NULL,
    environment VARCHAR NOT NULL,
    failure VARCHAR,
    message VARCHAR,
    started TIMESTAMP NOT NULL,  -- UTC
    simulated BOOLEAN NOT NULL,
    test VARCHAR  -- digest of the test's own text, where the line that announced the test was found
);

-- Tests that began; one whose id is not among the observations never ended.
CREATE TABLE begun (
    id VARCHAR PRIMARY KEY,
    run VARCHAR NOT NULL,
    worker VARCHAR NOT NULL,
    model_type VARCHAR NOT NULL,
    task VARCHAR NOT NULL,
    backend VARCHAR NOT NULL,
    precision VARCHAR NOT NULL,
    property VARCHAR NOT NULL,
    slice VARCHAR NOT NULL,
    environment VARCHAR NOT NULL,
    test VARCHAR NOT NULL,
    node VARCHAR NOT NULL,
    expected BOOLEAN NOT NULL,
    started TIMESTAMP NOT NULL
);

-- Tests that a run's files hold, whether or not they ran: without all of them nothing is proved.
CREATE TABLE collected (
    run VARCHAR NOT NULL,
    model_type VARCHAR NOT NULL,
    task VARCHAR NOT NULL,
    backend VARCHAR NOT NULL,
    precision VARCHAR NOT NULL,
    property VARCHAR NOT NULL,
    test VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    PRIMARY KEY (run, model_type, task, backend, precision, property)
);

CREATE VIEW run AS
SELECT
    run AS id,
    environment,
    min(started) AS started,
    max(started) AS ended,
    count(DISTINCT model_type) AS model_types,
    count(*) AS observations,
    count(*) FILTER (outcome NOT IN ('passed', 'skipped')) AS failures
FROM observation
GROUP BY run, environment;
