-- A verdict belongs to one cell, one text (slice) and one environment. The numbers here are those of
-- evidence/comparison.py and evidence/controls.py: 0.001 is the tolerance, 100 the factor that a control must reach.

-- Of a property that was tested several times the last run counts; within it, everything.
CREATE VIEW current_observation AS
SELECT *
FROM observation
SEMI JOIN (
    SELECT model_type, task, backend, precision, slice, environment, property, arg_max(run, (started, run)) AS run
    FROM observation
    GROUP BY ALL
) AS latest
USING (model_type, task, backend, precision, slice, environment, property, run);

CREATE VIEW subject AS
SELECT
    model_type, task, backend, precision, slice, environment,
    arg_max(run, (started, run)) AS run,
    max(started) AS seen
FROM observation
GROUP BY ALL;

-- What bears on a subject: its own observations, and those of tests without a task or without a backend that the
-- same run has made, because these concern every cell of their model type.
CREATE VIEW bearing AS
SELECT *, false AS wider
FROM current_observation
UNION ALL BY NAME
SELECT
    subject.model_type, subject.task, subject.backend, subject.precision, subject.slice, subject.environment,
    observation.* EXCLUDE (model_type, task, backend, precision, slice, environment),
    true AS wider
FROM subject
JOIN observation USING (model_type, environment, run)
WHERE (observation.task <> subject.task OR observation.backend <> subject.backend)
    AND observation.task IN ('*', subject.task)
    AND observation.backend IN ('*', subject.backend);

-- Per subject the figures, and of its observations the worst.
CREATE VIEW summary AS
SELECT
    model_type, task, backend, precision, slice, environment,
    count(*) FILTER (NOT wider) AS tests,
    count(*) FILTER (NOT wider AND outcome = 'passed') AS passed,
    count(*) FILTER (NOT wider AND outcome = 'skipped') AS skipped,
    bool_or(simulated) AS simulated,
    max(difference) FILTER (NOT wider) AS difference,
    coalesce(max(tolerance), 0.001) AS tolerance,
    arg_max(property, (difference, property)) FILTER (NOT wider AND difference > coalesce(tolerance, 0.001)) AS differs_in,
    min(control) AS control,
    arg_min(property, (control, property)) AS control_in,
    max(route) FILTER (NOT wider) AS route,
    round(sum(seconds) FILTER (NOT wider), 3) AS seconds,
    max(peak_mb) FILTER (NOT wider) AS peak_mb,
    -- A failed control proves nothing either way, and a failed wider test has not this cell to blame.
    bool_or(NOT wider AND kind <> 'control' AND outcome NOT IN ('passed', 'skipped')) AS broken,
    bool_or(
        NOT wider AND kind <> 'control' AND outcome = 'failed'
        AND coalesce(failure, '') NOT IN (SELECT name FROM local_failure)
    ) AS portable,
    arg_max(
        {'outcome': outcome, 'property': property, 'failure': failure, 'message': message, 'phrase': phrase},
        (
            CASE WHEN wider OR kind = 'control' THEN 0 ELSE 10 END + badness,
            message IS NOT NULL, property, failure, message
        )
    ) FILTER (outcome <> 'passed') AS worst,
    left(
        sha256(
            concat_ws(
                chr(10), any_value(model_type), any_value(task), any_value(backend), any_value(precision),
                any_value(slice), any_value(environment),
                string_agg(
                    DISTINCT concat_ws(chr(9), property, outcome, failure, route), chr(10)
                    ORDER BY concat_ws(chr(9), property, outcome, failure, route)
                )
            )
        ),
        12
    ) AS evidence
FROM bearing
JOIN outcome ON outcome.name = bearing.outcome
GROUP BY model_type, task, backend, precision, slice, environment;

CREATE VIEW missing AS
SELECT
    subject.model_type, subject.task, subject.backend, subject.precision, subject.slice, subject.environment,
    count(*) AS tests,
    min(collected.property) AS first
FROM subject
JOIN collected USING (run, model_type, task, backend, precision)
ANTI JOIN observation
    USING (model_type, task, backend, precision, slice, environment, property)
GROUP BY ALL;

CREATE VIEW verdict AS
SELECT
    model_type, task, backend, precision, slice, environment,
    CASE
        WHEN broken OR differs_in IS NOT NULL THEN 'broken'
        WHEN skipped = summary.tests THEN 'unsupported'
        WHEN worst IS NOT NULL OR missing.tests > 0 OR difference IS NULL OR control IS NULL
            OR control < 100 * tolerance THEN 'unknown'
        ELSE 'works'
    END AS verdict,
    CASE
        WHEN differs_in IS NOT NULL THEN
            format('largest difference {:.2g}, at most {:.2g} allowed', difference, tolerance)
        WHEN worst.outcome = 'skipped' AND skipped = summary.tests THEN coalesce(worst.message, 'skipped')
        WHEN worst IS NOT NULL THEN
            concat_ws(
                ': ', worst.property, nullif(worst.phrase, ''), nullif(worst.failure, 'AssertionError'),
                CASE WHEN worst.outcome = 'skipped' THEN 'skipped' END, worst.message
            )
        WHEN missing.tests > 0 THEN
            format('{} of {} tests did not finish, {} first', missing.tests, summary.tests + missing.tests, missing.first)
        WHEN difference IS NULL THEN 'no difference from the reference was recorded'
        WHEN control IS NULL THEN 'no control was recorded, so the agreement proves nothing'
        WHEN control < 100 * tolerance THEN
            format(
                'a control moved the result by {:.2g}, at least {:.2g} is needed ({})',
                control, 100 * tolerance, control_in
            )
        ELSE format('largest difference {:.2g}, at most {:.2g} allowed', difference, tolerance)
    END AS reason,
    (portable OR differs_in IS NOT NULL) AND NOT simulated AS portable,
    difference, tolerance, control, route, simulated,
    summary.tests AS tests,
    seconds, peak_mb, evidence,
    subject.run AS run,
    subject.seen AS seen,
    -- Whether this text was the last to be tested, for this cell in this environment.
    row_number() OVER (
        PARTITION BY model_type, task, backend, precision, environment ORDER BY subject.seen DESC, slice
    ) = 1 AS latest
FROM summary
JOIN subject USING (model_type, task, backend, precision, slice, environment)
LEFT JOIN missing USING (model_type, task, backend, precision, slice, environment)
WHERE task <> '*' AND backend <> '*';
