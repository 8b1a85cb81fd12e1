-- 95_policies.sql — each table says that nobody may read it.
--
-- Row level security without a policy lets nobody in already. With a policy that says so it is known to be meant, and
-- `supabase db advisors` does not ask about it. Partitions have neither: the schema keeps everybody out (00_schema.sql).

do $$
declare
  v_table text;
begin
  for v_table in
    select c.relname
    from pg_catalog.pg_class as c
    where c.relnamespace = 'tracegram'::regnamespace and c.relrowsecurity
      and not exists (select from pg_catalog.pg_policy as p where p.polrelid = c.oid)
  loop
    execute pg_catalog.format('create policy nobody on tracegram.%I using (false)', v_table);
  end loop;
end;
$$;
