/**
 * A refusal of the Bot API: its status, its exact description, and what else the body carries.
 *
 * @module
 */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly parameters: { retry_after: number } | undefined;

  constructor(status: number, description: string, parameters?: { retry_after: number }) {
    super(description);
    this.status = status;
    this.parameters = parameters;
  }
}

export const badRequest = (description: string): ApiError => new ApiError(400, `Bad Request: ${description}`);
export const forbidden = (description: string): ApiError => new ApiError(403, `Forbidden: ${description}`);
export const conflict = (description: string): ApiError => new ApiError(409, `Conflict: ${description}`);

export const tooManyRequests = (seconds: number): ApiError =>
  new ApiError(429, `Too Many Requests: retry after ${seconds}`, { retry_after: seconds });
