-- 53_list_traces.sql — pages of traces, and which page of how many each is.

create function public.list_traces(
  p_cursor          uuid        default null,
  p_direction       text        default 'older',
  p_limit           integer     default 10,
  p_from            timestamptz default null,
  p_to              timestamptz default null,
  p_order           text        default 'newest',
  p_status          text        default null,
  p_pipeline        text        default null,
  p_user_id         bigint      default null,
  p_chat_id         bigint      default null,
  p_min_duration_ms integer     default null,
  p_release         text        default null,
  p_error           text        default null
)
  returns jsonb
  language plpgsql stable
  security definer -- callers hold no table privileges
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_limit   constant integer := least(greatest(coalesce(p_limit, 10), 1), 100);
  v_oldest  constant timestamptz := (select s.traces_from from tracegram.settings as s);
  v_filter  constant tracegram.trace_filter := (
    greatest(coalesce(p_from, v_oldest), v_oldest),
    -- At most up to the end of a bucket, which the rollups count without a look at the traces.
    least(
      p_to + interval '1 microsecond',
      pg_catalog.date_bin('5 minutes', pg_catalog.now() + interval '65 minutes', '2000-01-01 00:00+00')
    ),
    p_status, p_pipeline, p_user_id, p_chat_id, p_min_duration_ms, p_release, nullif(p_error, '')
  );
  v_key     tracegram.trace_key;
  v_page    tracegram.trace_stretch := ('{}', 0, null);
  v_traces  tracegram.pipeline_traces[];
  v_shown   integer;
  v_last    tracegram.trace_key;
  v_before  tracegram.bounded_count := (0, true);
  v_after   tracegram.bounded_count;
  v_total   tracegram.bounded_count;
begin
  if p_direction is null or p_direction not in ('older', 'newer', 'from') then
    raise exception sqlstate '22023' using
      message = pg_catalog.format('unknown direction %L', p_direction), hint = 'Use older, newer or from.';
  end if;
  if p_order is null or p_order not in ('newest', 'slowest', 'dearest') then
    raise exception sqlstate '22023' using
      message = pg_catalog.format('unknown order %L', p_order), hint = 'Use newest, slowest or dearest.';
  end if;
  if p_status not in ('ok', 'error', 'running', 'lost') then
    raise exception sqlstate '22023' using
      message = pg_catalog.format('unknown status %L', p_status), hint = 'Use ok, error, running or lost.';
  end if;

  if p_cursor is not null then
    v_key := (tracegram.trace_time(p_cursor), p_cursor, null);
    if p_order <> 'newest' then
      select case p_order when 'slowest' then t.duration_ms else t.cost_microusd end into v_key.value
      from tracegram.pipeline_traces as t
      where t.started_at = v_key.started_at and t.trace_id = v_key.trace_id;
    end if;
  end if;

  if v_key.value is null and p_order <> 'newest' then
    v_key := null; -- it is gone, or has no place in this order: the list starts at its top
  elsif p_direction = 'newer' then
    v_page := tracegram.list_stretch(p_order, true, '>', v_key, v_filter, 2 * v_limit);
    -- Pages are numbered from the top, which moves on. So near the top, "the page before" is the top itself. It is not near
    -- where the search stopped on its way up.
    v_traces := case when v_page.n = 2 * v_limit or v_page.n > 0 and (v_page.searched_to).trace_id is not null then array(
      select v_page.traces[i] from pg_catalog.generate_series(least(v_limit, v_page.n), 1, -1) as i
    ) end;
    v_page := (coalesce(v_traces, '{}'), coalesce(pg_catalog.cardinality(v_traces), 0), null);
  elsif p_cursor is not null then
    v_page := tracegram.list_stretch(
      p_order, false, case p_direction when 'from' then '<=' else '<' end, v_key, v_filter, v_limit + 1
    );
  end if;
  -- Without a cursor, near the top, or when the day that the cursor led to is gone: the top.
  if v_key.trace_id is null or v_page.n = 0 and (p_direction = 'newer' or v_key.started_at < v_filter.starts) then
    v_key := null;
    v_page := tracegram.list_stretch(p_order, false, null, null, v_filter, v_limit + 1);
  end if;

  v_traces := v_page.traces[:v_limit];
  v_shown := pg_catalog.cardinality(v_traces);
  -- Where the next page goes on: after the last trace, or after what has been looked at in vain.
  v_last := case
    when (v_page.searched_to).trace_id is not null then v_page.searched_to else tracegram.key_of(v_traces[v_shown], p_order)
  end;
  if v_key.trace_id is not null then
    v_before := tracegram.count_before(
      p_order, case when v_shown > 0 then tracegram.key_of(v_traces[1], p_order) else v_key end, v_filter
    );
  end if;
  if p_order <> 'dearest' and tracegram.covered(v_filter) then
    v_total := (case when v_filter.starts < v_filter.ends then tracegram.count_window(p_order, v_filter) else 0 end, true);
  elsif v_last.trace_id is null then
    v_total := v_before;
  else
    v_after := tracegram.count_stretch(p_order, false, v_last, v_filter);
    v_total := (v_before.n + v_shown + v_after.n, v_before.exact and v_after.exact and (v_page.searched_to).trace_id is null);
  end if;

  return pg_catalog.jsonb_build_object(
    'from', tracegram.iso(v_filter.starts),
    'to', tracegram.iso(coalesce(p_to, v_filter.ends)),
    'page', v_before.n / v_limit + 1,
    'page_exact', v_before.exact,
    'pages', greatest(1, pg_catalog.ceil(v_total.n::numeric / v_limit), v_before.n / v_limit + 1),
    'total', v_total.n,
    'total_exact', v_total.exact,
    'has_newer', v_before.n > 0,
    'has_older', (v_page.searched_to).trace_id is not null or v_page.n > v_limit
      or v_key.trace_id is not null and p_direction = 'newer',
    'older_cursor', v_last.trace_id,
    'searched_to', tracegram.iso((v_page.searched_to).started_at),
    'traces', coalesce((
      select pg_catalog.jsonb_agg(tracegram.trace_summary(v_traces[i]) order by i)
      from pg_catalog.generate_series(1, v_shown) as i
    ), '[]')
  );
end;
$$;

comment on function public.list_traces(
  uuid, text, integer, timestamptz, timestamptz, text, text, text, bigint, bigint, integer, text, text
) is
$doc$One page of traces with all that a screen says about it: one call serves one screen.

p_cursor           trace id that the page is relative to; null: the first page.
p_direction        older (the page after p_cursor), newer (the page before it), or from (at p_cursor). Where there is no full
                   page before p_cursor, newer is the first page.
p_limit            traces a page, 1..100; other values are brought into that range.
p_from, p_to       started_at is within both; null: all that is kept.
p_order            newest, slowest (those that have ended) or dearest (those that are known to cost something) first.
p_status           ok, error, running or lost; p_pipeline, p_user_id, p_chat_id, p_release: exactly that.
p_min_duration_ms  at least so long.
p_error            failed with this in the error's text, in any case of letters. null: no condition, in all of them.

Returns TracePage of functions/_shared/db.ts. total and pages are exact for status and pipeline, newest or slowest first, for
rollups know them. Otherwise counting stops at 500 on either side of the page: then total_exact (or page_exact) is false, and
the number is a lower bound. Where no index knows what matches, 20,000 traces of a stretch of days are looked at; a page that they did not fill has
searched_to, how far back they went, and its older_cursor goes on from there. Money is micro-dollars, durations are
milliseconds, times are ISO 8601.

22023  p_direction, p_order or p_status is none of those  (do not retry)$doc$;
revoke all on function public.list_traces(
  uuid, text, integer, timestamptz, timestamptz, text, text, text, bigint, bigint, integer, text, text
) from public, anon, authenticated;
grant execute on function public.list_traces(
  uuid, text, integer, timestamptz, timestamptz, text, text, text, bigint, bigint, integer, text, text
) to service_role;
