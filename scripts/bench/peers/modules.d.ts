// The peers are not installed with the project; their types are not looked at.
declare module "@langfuse/otel";
declare module "@langfuse/tracing";
declare module "@opentelemetry/api";
declare module "@opentelemetry/sdk-trace-base";
declare module "@opentelemetry/sdk-trace-node";
declare module "@sentry/node";
declare module "langsmith";
declare module "langsmith/traceable";
