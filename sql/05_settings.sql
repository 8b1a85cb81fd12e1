-- 05_settings.sql — what the owner decides: how long, how much, where alerts go, and what synthetic tests may cost.
--
-- Written by  public.change_settings; traces_from and io_from by retention and the quota guard, guard_io_sample_percent by the
--             quota guard
-- Read by     ingest, retention, the quota guard, alerts, synthetic tests

create table tracegram.settings (
  only_row                     boolean primary key default true check (only_row),
  trace_days                   smallint not null default 30 check (trace_days between 1 and 365),
  io_days                      smallint not null default 7 check (io_days between 1 and 365),
  io_sample_percent            smallint not null default 100 check (io_sample_percent between 0 and 100),
  guard_io_sample_percent      smallint check (guard_io_sample_percent between 0 and 100),
  quota_bytes                  bigint not null default 500000000 check (quota_bytes > 0),
  lost_after                   interval not null default '15 minutes' check (lost_after between '1 minute' and '1 day'),
  traces_from                  timestamptz(0) not null default (pg_catalog.date_trunc('day', now(), 'UTC') - interval '30 days'),
  io_from                      timestamptz(0) not null default (pg_catalog.date_trunc('day', now(), 'UTC') - interval '7 days'),
  alert_url                    text check (alert_url ~ '^https?://[^\s]+$'),
  alert_secret                 text,
  synthetic_run_cap_microusd   bigint not null default 1000000 check (synthetic_run_cap_microusd between 0 and 2000000000),
  synthetic_day_cap_microusd   bigint not null default 3000000 check (synthetic_day_cap_microusd between 0 and 1000000000000),
  synthetic_month_cap_microusd bigint not null default 20000000 check (synthetic_month_cap_microusd between 0 and 1000000000000),
  synthetic_concurrency        smallint not null default 2 check (synthetic_concurrency between 1 and 16),
  constraint io_days_within_trace_days check (io_days <= trace_days)
);
alter table tracegram.settings enable row level security;

comment on table tracegram.settings is 'What the owner decides. One row.';
comment on column tracegram.settings.only_row is 'True: there is one row.';
comment on column tracegram.settings.trace_days is 'Days that traces are kept, besides today. 1..365.';
comment on column tracegram.settings.io_days is 'Days that requests and responses are kept, besides today. At most trace_days.';
comment on column tracegram.settings.io_sample_percent is
  'Share of the successful traces whose requests and responses are stored when they are sent, 0..100. Of errors, all are.';
comment on column tracegram.settings.guard_io_sample_percent is
  'What the quota guard has lowered that share to, and that of errors with it. At 0 none are stored. Null: it has not.';
comment on column tracegram.settings.quota_bytes is 'Size that the plan allows the whole database. The free plan: 500 MB.';
comment on column tracegram.settings.lost_after is 'How long after its start an announced trace that has not ended is lost. 1 minute..1 day.';
comment on column tracegram.settings.traces_from is 'Start of the oldest day of traces that is there, UTC. Older traces are refused.';
comment on column tracegram.settings.io_from is
  'Start of the oldest day of requests and responses that is there, UTC. Those of older traces are not stored.';
comment on column tracegram.settings.alert_url is 'Where alerts are posted. Null: nowhere.';
comment on column tracegram.settings.alert_secret is 'Sent with each alert, so that the receiver knows who it is from.';
comment on column tracegram.settings.synthetic_run_cap_microusd is 'Most that one run of synthetic tests may spend, in micro-dollars. 0..2000000000; 0: nothing.';
comment on column tracegram.settings.synthetic_day_cap_microusd is 'Most that all of them may spend on a day, UTC, in micro-dollars. 0: nothing.';
comment on column tracegram.settings.synthetic_month_cap_microusd is 'Most that all of them may spend in a month, UTC, in micro-dollars. 0: nothing.';
comment on column tracegram.settings.synthetic_concurrency is 'How many scenarios of a run are run at once, unless it is asked for with another number. 1..16.';

insert into tracegram.settings default values;

create function tracegram.settings()
  returns tracegram.settings
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  select s from tracegram.settings as s;
$$;

comment on function tracegram.settings() is 'The one row of settings.';
revoke all on function tracegram.settings() from public, anon, authenticated, service_role;

create function public.get_settings()
  returns jsonb
  language plpgsql stable
  security definer -- the table is in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select pg_catalog.to_jsonb(s) - 'only_row' - 'alert_secret' || pg_catalog.jsonb_build_object(
      -- In hours, for to_char leaves days out.
      'lost_after', pg_catalog.to_char(
        pg_catalog.make_interval(secs => pg_catalog.date_part('epoch', s.lost_after)), 'HH24:MI:SS'
      ),
      'traces_from', tracegram.iso(s.traces_from),
      'io_from', tracegram.iso(s.io_from),
      'alert_secret_set', s.alert_secret is not null
    )
    from tracegram.settings as s
  );
end;
$$;

comment on function public.get_settings() is
$doc$The settings as one object, under the names of the columns of tracegram.settings. lost_after is hours, minutes and seconds
("00:15:00", "24:00:00"). Of the secret, only whether it is set.$doc$;
revoke all on function public.get_settings() from public, anon, authenticated;
grant execute on function public.get_settings() to service_role;

create function public.change_settings(p_changes jsonb)
  returns jsonb
  language plpgsql
  security definer -- the table is in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
declare
  -- The rest is not the owner's: it says what retention and the quota guard have done.
  c_changeable constant text[] := array[
    'trace_days', 'io_days', 'io_sample_percent', 'quota_bytes', 'lost_after', 'alert_url', 'alert_secret',
    'synthetic_run_cap_microusd', 'synthetic_day_cap_microusd', 'synthetic_month_cap_microusd', 'synthetic_concurrency'
  ];
  v_unknown    text;
  v_constraint text;
begin
  if pg_catalog.jsonb_typeof(p_changes) is distinct from 'object' then
    raise exception sqlstate 'TG020' using message = 'the changes are not an object', hint = 'Such as {"io_days": 3}.';
  end if;
  select k into v_unknown from pg_catalog.jsonb_object_keys(p_changes) as k where k <> all (c_changeable) limit 1;
  if v_unknown is not null then
    raise exception sqlstate 'TG020' using
      message = pg_catalog.format('%L is not a setting that can be changed', v_unknown),
      hint    = 'Those are ' || pg_catalog.array_to_string(c_changeable, ', ') || '.';
  end if;
  begin
    update tracegram.settings as s
    set (
      trace_days, io_days, io_sample_percent, quota_bytes, lost_after, alert_url, alert_secret,
      synthetic_run_cap_microusd, synthetic_day_cap_microusd, synthetic_month_cap_microusd, synthetic_concurrency
    ) = (
      select
        n.trace_days, n.io_days, n.io_sample_percent, n.quota_bytes, n.lost_after, n.alert_url, n.alert_secret,
        n.synthetic_run_cap_microusd, n.synthetic_day_cap_microusd, n.synthetic_month_cap_microusd, n.synthetic_concurrency
      from pg_catalog.jsonb_populate_record(s, p_changes) as n
    );
  exception when data_exception or integrity_constraint_violation then
    get stacked diagnostics v_constraint = constraint_name;
    raise exception sqlstate 'TG020' using
      message = 'a setting has a value that it cannot have: ' || case v_constraint
        when 'io_days_within_trace_days' then 'io_days must not exceed trace_days'
        else sqlerrm
      end,
      hint    = 'Nothing was changed. The comments of tracegram.settings say what each takes.';
  end;
  return public.get_settings();
end;
$$;

comment on function public.change_settings(jsonb) is
$doc$Changes the settings that are named, and leaves the rest.

p_changes  such as {"trace_days": 14, "io_days": 3}: names and values of columns of tracegram.settings. lost_after is an
           interval ("15 minutes"), quota_bytes is bytes, null takes alert_url or alert_secret away.

Returns the settings as get_settings does. Fewer days take effect when retention runs next, within a minute. More days bring none back
that are gone: traces_from and io_from say from when on there is something.

TG020  a name or a value that does not fit  (nothing was changed)$doc$;
revoke all on function public.change_settings(jsonb) from public, anon, authenticated;
grant execute on function public.change_settings(jsonb) to service_role;

create function tracegram.io_sampled(p_trace_id uuid, p_failed boolean, p_settings tracegram.settings)
  returns boolean
  language sql immutable
  set search_path = pg_catalog, pg_temp
as $$
  -- The last 16 of the id's random bits: the same traces for everyone who samples by them, and of a smaller share a part of them.
  select ('x' || pg_catalog.right(p_trace_id::text, 4))::pg_catalog.bit(16)::integer * 100
    -- The owner's share is of the successful, the quota guard's is of all: else errors alone could fill the database.
    < least(case when p_failed then 100 else p_settings.io_sample_percent end, p_settings.guard_io_sample_percent) * 65536;
$$;

comment on function tracegram.io_sampled(uuid, boolean, tracegram.settings) is 'Whether a trace is one of the share whose I/O is stored.';
revoke all on function tracegram.io_sampled(uuid, boolean, tracegram.settings) from public, anon, authenticated, service_role;
