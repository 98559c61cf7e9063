-- A verdict belongs to one cell, one text (slice) and one environment. The numbers here are those of
-- evidence/comparison.py and evidence/controls.py: 0.001 is the tolerance, 100 the factor that a control must reach.

CREATE VIEW subject AS
SELECT
    model_type, task, backend, precision, slice, environment,
    arg_max(run, (started, run)) AS run,
    max(started) AS seen
FROM observation
GROUP BY ALL;

-- The tests that a subject's last run holds, where that is known.
CREATE VIEW held AS
SELECT subject.* EXCLUDE (seen), collected.property, collected.test
FROM subject
JOIN collected USING (run, model_type, task, backend, precision);

-- Of a property that was tested several times the last run counts; within it, everything.
CREATE VIEW last_observation AS
SELECT *
FROM observation
SEMI JOIN (
    SELECT
        model_type, task, backend, precision, slice, environment, property,
        arg_max(run, (started, run)) AS run
    FROM observation
    GROUP BY ALL
) AS latest
    USING (model_type, task, backend, precision, slice, environment, property, run);

-- A test that is held no more, or that was another text then, does not count.
CREATE VIEW current_observation AS
SELECT last_observation.*
FROM last_observation
LEFT JOIN held USING (model_type, task, backend, precision, slice, environment, property)
WHERE held.test = last_observation.test
    OR last_observation.test IS NULL
    OR (model_type, task, backend, precision, slice, environment) NOT IN (
        SELECT (model_type, task, backend, precision, slice, environment) FROM held
    );

CREATE VIEW missing AS
SELECT model_type, task, backend, precision, slice, environment, count(*) AS tests, min(property) AS first
FROM held
ANTI JOIN current_observation
    USING (model_type, task, backend, precision, slice, environment, property)
GROUP BY ALL;

-- Per subject the figures, and of its observations the worst.
CREATE VIEW summary AS
SELECT
    model_type, task, backend, precision, slice, environment,
    count(*) AS tests,
    count(*) FILTER (outcome = 'skipped') AS skipped,
    bool_or(simulated) AS simulated,
    max(difference) AS difference,
    coalesce(max(tolerance), 0.001) AS tolerance,
    arg_max(property, (difference, property)) FILTER (difference > coalesce(tolerance, 0.001)) AS differs_in,
    min(control) AS control,
    arg_min(property, (control, property)) AS control_in,
    max(route) AS route,
    round(sum(seconds), 3) AS seconds,
    max(peak_mb) AS peak_mb,
    -- A failed control proves nothing either way.
    bool_or(kind <> 'control' AND outcome NOT IN ('passed', 'skipped')) AS broken,
    bool_or(
        kind <> 'control' AND outcome = 'failed'
        AND coalesce(failure, '') NOT IN (SELECT name FROM local_failure)
    ) AS portable,
    arg_max(
        {'outcome': outcome, 'property': property, 'failure': failure, 'message': message, 'phrase': phrase},
        (kind <> 'control', badness, message IS NOT NULL, property, failure, message)
    ) FILTER (outcome <> 'passed') AS worst,
    -- Of what was seen, not of when: the same outcomes have the same digest.
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
FROM current_observation
JOIN outcome ON outcome.name = current_observation.outcome
GROUP BY model_type, task, backend, precision, slice, environment;

CREATE VIEW judgement AS
SELECT
    model_type, task, backend, precision, slice, environment,
    CASE
        WHEN broken OR differs_in IS NOT NULL THEN 'broken'
        WHEN skipped = summary.tests THEN 'unsupported'
        WHEN worst IS NOT NULL OR missing.tests > 0 THEN 'unknown'
        WHEN task = '*' OR backend = '*' THEN 'works'  -- about the module; it has nothing to agree with
        WHEN difference IS NULL OR control IS NULL OR control < 100 * tolerance THEN 'unknown'
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
            format('{} of {} tests did not finish, {} first', missing.tests, summary.tests + missing.tests, first)
        WHEN task = '*' OR backend = '*' THEN format('{} tests of the module', summary.tests)
        WHEN difference IS NULL THEN 'no difference from the reference was recorded'
        WHEN control IS NULL THEN 'no control was recorded, so the agreement proves nothing'
        WHEN control < 100 * tolerance THEN
            format(
                'a control moved the result by {:.2g}, at least {:.2g} is needed ({})',
                control, 100 * tolerance, control_in
            )
        ELSE format('largest difference {:.2g}, at most {:.2g} allowed', difference, tolerance)
    END AS reason,
    -- A broken cell is a fact about the text where no simulator stood in and the failure was not the machine's own.
    (portable OR differs_in IS NOT NULL) AND NOT simulated AS portable,
    difference, tolerance, control, route, simulated,
    summary.tests AS tests,
    seconds, peak_mb, evidence, run, seen,
    -- Whether this text was the last to be tested, for this cell in this environment.
    row_number() OVER (
        PARTITION BY model_type, task, backend, precision, environment ORDER BY seen DESC, slice
    ) = 1 AS latest
FROM summary
JOIN subject USING (model_type, task, backend, precision, slice, environment)
LEFT JOIN missing USING (model_type, task, backend, precision, slice, environment);

-- A backend is compared with the eager model, the CPU with transformers' own pipeline: what comes before and after
-- the forward pass is proved by the CPU alone, and where that is broken for a task no other backend is proved.
CREATE VIEW verdict AS
WITH reference AS (
    SELECT model_type, task, environment, reason
    FROM judgement
    WHERE backend = 'cpu' AND precision = 'float32' AND verdict = 'broken' AND portable AND latest
)
SELECT
    judgement.* REPLACE (
        CASE WHEN unproved THEN 'unknown' ELSE verdict END AS verdict,
        CASE WHEN unproved THEN 'the CPU is broken: ' || reference.reason ELSE judgement.reason END AS reason
    )
FROM judgement
LEFT JOIN reference USING (model_type, task, environment)
CROSS JOIN LATERAL (
    SELECT verdict = 'works' AND backend <> 'cpu' AND reference.reason IS NOT NULL AS unproved
) AS rests;
