-- 80_alerts.sql — what is watched, and what was found.
--
-- Written by  tracegram.evaluate_alerts (83_evaluate_alerts.sql), public.change_alert_rule (85_list_alerts.sql),
--             public.alert_act (89_admin_acts.sql)
-- Read by     public.list_alerts (85_list_alerts.sql), tracegram.deliver_alerts (84_deliver_alerts.sql)
-- Dropped by  tracegram.purge (90_jobs.sql): resolved alerts with their events after 90 days

create table tracegram.alert_rules (
  rule           text primary key,
  summary        text not null,
  threshold      numeric not null check (threshold >= 0 and threshold < 'infinity'),
  unit           text not null,
  enabled        boolean not null default true,
  opens_after    smallint not null check (opens_after > 0),
  resolves_after smallint not null check (resolves_after > 0),
  resolve_below  numeric not null default 1 check (resolve_below > 0 and resolve_below <= 1),
  muted_until    timestamptz(3),
  muted_by       bigint
);
alter table tracegram.alert_rules enable row level security;

comment on table tracegram.alert_rules is 'What is watched, each minute. Each rule has a function that measures it, measure_ and its name.';
comment on column tracegram.alert_rules.rule is 'Name of the rule.';
comment on column tracegram.alert_rules.summary is 'What is wrong when it is in breach, for people.';
comment on column tracegram.alert_rules.threshold is
  'In breach above this, in the rule''s unit. The owner may change it.';
comment on column tracegram.alert_rules.unit is
  'Of the threshold and of each value: percent, ms, microusd, or what is counted.';
comment on column tracegram.alert_rules.enabled is 'Whether it is evaluated. The owner may change it.';
comment on column tracegram.alert_rules.opens_after is
  'Evaluations in a row that must be in breach before an alert opens.';
comment on column tracegram.alert_rules.resolves_after is 'Evaluations in a row that must be good before it resolves.';
comment on column tracegram.alert_rules.resolve_below is
  'Good is a value of at most this share of the threshold. One between the two neither opens an alert nor resolves it.';

comment on column tracegram.alert_rules.muted_until is
  'Until when its new alerts are not told; those that are still open then, are. Null: it was never muted.';
comment on column tracegram.alert_rules.muted_by is 'Telegram''s id of the admin who muted it.';

insert into tracegram.alert_rules (rule, summary, threshold, unit, opens_after, resolves_after, resolve_below)
values
  ('error_rate',         'Many runs fail',                                   10,       'percent',  2, 5, 0.9),
  ('p95',                'Runs are slow',                                    30000,    'ms',       2, 5, 0.9),
  ('daily_spend',        'LLM calls cost more than planned today',           10000000, 'microusd', 1, 1, 1),
  ('large_trace',        'Traces are stored in rows over 5 kB',              0,        'traces',   1, 5, 1),
  ('ingest_p95',         'Storing traces is slow',                           200,      'ms',       2, 5, 0.9),
  ('long_message',       'A message to an admin was over 3,500 characters',  0,        'messages', 1, 5, 1),
  ('telegram_429',       'Telegram told the admin bot to wait',              5,        'answers',  1, 5, 1),
  ('orphans',            'Traces were lost, or have steps without a parent', 0,        'gaps',     1, 5, 1),
  ('dropped',            'Senders dropped traces',                           0,        'records',  1, 5, 1),
  ('missing_partitions', 'Days ahead have no partition',                     0,        'days',     2, 2, 1),
  ('cron_failed',        'A scheduled job failed or did not run',            0,        'jobs',     2, 2, 1),
  ('quota',              'The database is nearly full',                      80,       'percent',  2, 5, 0.95),
  ('slow_screen',        'A screen of the admin bot is slow',                500,      'ms',       2, 5, 0.9),
  ('plan',               'A screen''s query reads more than it should',      0,        'queries',  1, 1, 1)
on conflict (rule) do update set
  summary = excluded.summary, unit = excluded.unit, opens_after = excluded.opens_after,
  resolves_after = excluded.resolves_after, resolve_below = excluded.resolve_below;

create table tracegram.alert_state (
  rule         text primary key references tracegram.alert_rules,
  bad_streak   integer not null default 0,
  good_streak  integer not null default 0,
  value        numeric,
  detail       text,
  error        text,
  silent_since timestamptz(3),
  evaluated_at timestamptz(3) not null
);
alter table tracegram.alert_state enable row level security;

comment on table tracegram.alert_state is 'How each rule stood when it was last evaluated.';
comment on column tracegram.alert_state.rule is 'The rule.';
comment on column tracegram.alert_state.bad_streak is
  'Evaluations in a row, up to the last, that were in breach. Those with too little to measure are passed over.';
comment on column tracegram.alert_state.good_streak is
  'Evaluations in a row, up to the last, that were good. Those with too little to measure are passed over.';
comment on column tracegram.alert_state.value is
  'The last value. Null: there was too little to measure, which is neither good nor in breach.';
comment on column tracegram.alert_state.detail is 'What was measured, in a sentence with numbers.';
comment on column tracegram.alert_state.error is
  'Why the rule could not be evaluated, which leaves all but evaluated_at as it was. Null when it could.';
comment on column tracegram.alert_state.silent_since is
  'Since when there has been too little to measure. Null: there was enough. After an hour an open alert resolves.';
comment on column tracegram.alert_state.evaluated_at is 'When.';

create table tracegram.alerts (
  alert_id        bigint generated always as identity primary key,
  rule            text not null references tracegram.alert_rules,
  opened_at       timestamptz(3) not null,
  resolved_at     timestamptz(3) check (resolved_at >= opened_at),
  threshold       numeric not null,
  value           numeric not null,
  worst           numeric not null,
  last_value      numeric,
  detail          text not null,
  acknowledged_at timestamptz(3),
  acknowledged_by bigint,
  revision        integer not null default 1
);
create unique index alerts_open on tracegram.alerts (rule) where resolved_at is null;
alter table tracegram.alerts enable row level security;

comment on index tracegram.alerts_open is 'evaluate_alerts: the open alert of a rule, of which there is at most one.';
comment on table tracegram.alerts is 'Rules that were in breach for a while. Resolved ones are kept 90 days.';
comment on column tracegram.alerts.alert_id is 'In the order in which they opened.';
comment on column tracegram.alerts.rule is 'The rule.';
comment on column tracegram.alerts.opened_at is 'When it opened.';
comment on column tracegram.alerts.resolved_at is 'When it resolved. Null while it is open.';
comment on column tracegram.alerts.threshold is 'The rule''s threshold when it opened.';
comment on column tracegram.alerts.value is 'The value that it opened with.';
comment on column tracegram.alerts.worst is 'The highest value while it was open.';
comment on column tracegram.alerts.last_value is
  'The last value while it was open. Null when there was too little to measure.';
comment on column tracegram.alerts.detail is 'What was measured when it was worst.';
comment on column tracegram.alerts.acknowledged_at is 'When an admin first said that they have seen it. Null: none has.';
comment on column tracegram.alerts.acknowledged_by is 'Telegram''s id of that admin.';
comment on column tracegram.alerts.revision is
  'Grows with all that its messages tell: that it resolved, was acknowledged, was muted.';

create table tracegram.alert_events (
  event_id        bigint generated always as identity primary key,
  alert_id        bigint not null references tracegram.alerts on delete cascade,
  kind            text not null check (kind in ('opened', 'resolved', 'changed')),
  value           numeric,
  detail          text,
  created_at      timestamptz(3) not null,
  next_attempt_at timestamptz(3) not null,
  request_id      bigint,
  attempts        smallint not null default 0,
  delivered_at    timestamptz(3),
  last_error      text,
  unique (alert_id, kind)
);
create index alert_events_pending on tracegram.alert_events (event_id) where delivered_at is null;
alter table tracegram.alert_events enable row level security;

comment on index tracegram.alert_events_pending is 'deliver_alerts: what is to be delivered.';
comment on table tracegram.alert_events is 'What the owner is told of alerts, and whether it has arrived.';
comment on column tracegram.alert_events.event_id is 'The receiver''s key to know an event that comes twice.';
comment on column tracegram.alert_events.alert_id is 'The alert.';
comment on column tracegram.alert_events.kind is
  'opened, resolved, or changed: an admin acknowledged or muted it. Of several changes, the last is told.';
comment on column tracegram.alert_events.value is 'The value at that time.';
comment on column tracegram.alert_events.detail is 'What was measured at that time.';
comment on column tracegram.alert_events.created_at is
  'When it happened. A day later, or a day after the mute of its open alert, it is not worth telling any more.';
comment on column tracegram.alert_events.next_attempt_at is
  'Not sent before. While a request is under way: how long its answer is waited for.';
comment on column tracegram.alert_events.request_id is
  'pg_net''s id of the request that is under way. Null when none is.';
comment on column tracegram.alert_events.attempts is 'How often it was sent.';
comment on column tracegram.alert_events.delivered_at is 'When the answer that took it was seen. Null until then.';
comment on column tracegram.alert_events.last_error is 'What became of the last attempt that failed.';
