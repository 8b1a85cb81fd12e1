-- 44_histograms.sql — durations as counts per slot, and percentiles of them.
--
-- Up to 10 ms a slot is a millisecond, and from there each ends a tenth later than the one before: whatever a duration in it
-- is, the slot's middle is within 5 % of it.

create type tracegram.histogram as (
  slots  smallint[],
  counts integer[]
);
comment on type tracegram.histogram is 'Durations: how many fell into which slot, see tracegram.slot_ms. Slots without any are left out.';
comment on column tracegram.histogram.slots is 'Slots, ascending.';
comment on column tracegram.histogram.counts is 'Durations in the slot at the same position.';

create function tracegram.slot_ms(p_slot integer)
  returns numeric
  language plpgsql immutable strict
  set search_path = pg_catalog, pg_temp
as $$
declare
  -- The whole milliseconds in it.
  v_least constant double precision := pg_catalog.ceil(10 * 1.1 ^ (p_slot - 10.0::double precision) - 1e-9);
  v_most  constant double precision := pg_catalog.ceil(10 * 1.1 ^ (p_slot - 9.0::double precision) - 1e-9) - 1;
begin
  if p_slot <= 10 then
    return p_slot;
  end if;
  -- Between the two, where the ratio to both is the same.
  return pg_catalog.round((2 * v_least * v_most / (v_least + v_most))::numeric, 1);
end;
$$;

comment on function tracegram.slot_ms(integer) is 'Milliseconds that stand for a slot, within 5 % of every duration in it.';
revoke all on function tracegram.slot_ms(integer) from public, anon, authenticated, service_role;

create function tracegram.merge_histograms(p_histograms tracegram.histogram[])
  returns tracegram.histogram
  language plpgsql immutable
  set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select (pg_catalog.array_agg(s.slot order by s.slot), pg_catalog.array_agg(s.n order by s.slot))::tracegram.histogram
    from (
      select c.slot, least(pg_catalog.sum(c.n), 2147483647)::integer as n
      from (
        select pg_catalog.unnest(h.slots) as slot, pg_catalog.unnest(h.counts) as n from pg_catalog.unnest(p_histograms) as h
      ) as c
      group by c.slot
    ) as s
  );
end;
$$;

comment on function tracegram.merge_histograms(tracegram.histogram[]) is 'The durations of all of them.';
revoke all on function tracegram.merge_histograms(tracegram.histogram[]) from public, anon, authenticated, service_role;

create function tracegram.percentiles(p_histograms tracegram.histogram[])
  returns jsonb
  language plpgsql immutable
  set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    with slots as (
      select
        c.slot,
        pg_catalog.sum(pg_catalog.sum(c.n)) over (order by c.slot) as up_to,
        pg_catalog.sum(pg_catalog.sum(c.n)) over () as of
      from (
        select pg_catalog.unnest(h.slots) as slot, pg_catalog.unnest(h.counts) as n from pg_catalog.unnest(p_histograms) as h
      ) as c
      group by c.slot
    )
    select pg_catalog.jsonb_build_object(
      'p50_ms', tracegram.slot_ms(min(s.slot) filter (where s.up_to >= pg_catalog.ceil(0.50 * s.of))),
      'p95_ms', tracegram.slot_ms(min(s.slot) filter (where s.up_to >= pg_catalog.ceil(0.95 * s.of))),
      'p99_ms', tracegram.slot_ms(min(s.slot) filter (where s.up_to >= pg_catalog.ceil(0.99 * s.of)))
    )
    from slots as s
  );
end;
$$;

comment on function tracegram.percentiles(tracegram.histogram[]) is
  '{p50_ms, p95_ms, p99_ms} of all durations together, each within 5 % of the nearest-rank percentile. Nulls without any.';
revoke all on function tracegram.percentiles(tracegram.histogram[]) from public, anon, authenticated, service_role;
