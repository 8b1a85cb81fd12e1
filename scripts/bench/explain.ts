/** Which partitions a query really opens: from the plans that auto_explain writes for the queries inside the functions. */
import type pg from "pg";

interface Node {
  "Relation Name"?: string;
  "Actual Loops"?: number;
  Plans?: Node[];
}

/** `db` is a superuser's session. Resolves to the names of the traces' partitions. */
export async function openedPartitions(db: pg.Client, sql: string): Promise<Set<string>> {
  const opened = new Set<string>();
  let plans = 0;
  const visit = (node: Node) => {
    const name = node["Relation Name"];
    if (name && /^pipeline_traces_p\d{8}$/.test(name) && (node["Actual Loops"] ?? 0) > 0) opened.add(name);
    node.Plans?.forEach(visit);
  };
  const onNotice = ({ message = "" }: { message?: string | undefined }) => {
    const json = /plan:\n([\s\S]+)$/.exec(message)?.[1];
    if (!json) return;
    plans++;
    visit((JSON.parse(json) as { Plan: Node }).Plan);
  };
  await db.query(`
    load 'auto_explain';
    set auto_explain.log_min_duration = 0;
    set auto_explain.log_nested_statements = on;
    set auto_explain.log_analyze = on;
    set auto_explain.log_timing = off;
    set auto_explain.log_format = 'json';
    set auto_explain.log_level = 'notice'`);
  db.on("notice", onNotice);
  await db.query(sql);
  db.off("notice", onNotice);
  if (plans === 0) throw new Error(`there is no plan of ${sql}`);
  return opened;
}
