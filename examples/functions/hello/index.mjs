// Says hello to whoever calls.
export const handler = async (event) => ({
  statusCode: 200,
  headers: { "Content-Type": "text/plain" },
  body: `Hello ${event.queryStringParameters?.name ?? "stranger"}, this is ${event.requestContext.stage}.\n`,
});
