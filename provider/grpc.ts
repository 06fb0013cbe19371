import * as grpc from "@grpc/grpc-js";

type Reply<T> = (error: Partial<grpc.ServiceError> | null, value?: T) => void;

/** Serves a call with a promise; what it throws is one line for the user. */
export function serve<Request, Response>(handle: (request: Request) => Promise<Response>) {
  return (call: { request: Request }, reply: Reply<Response>): void => {
    handle(call.request).then(
      (value) => reply(null, value),
      (error: Error) => reply({ code: grpc.status.UNKNOWN, details: error.message }),
    );
  };
}
