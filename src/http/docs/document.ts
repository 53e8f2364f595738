type Json = Record<string, unknown>
type Media = { schema?: Json; example?: unknown; examples?: Json }
export type Parameter = { name: string; in: string; required?: boolean; schema?: Json; example?: unknown }
export type DescribedResponse = { description: string; headers?: Json; content?: Record<string, Media> }
export type DescribedOperation = {
  operationId: string
  parameters?: Parameter[]
  requestBody?: { content: Record<string, Media> }
  responses: Record<string, DescribedResponse>
}

/** The parts of the OpenAPI document that are changed after the generator has made it. */
export type ApiDescription = {
  servers?: { url: string }[]
  paths: Record<string, Record<string, DescribedOperation>>
  components: Record<string, Record<string, unknown>>
}

export const operationsOf = ({ paths }: ApiDescription) =>
  Object.entries(paths).flatMap(([path, methods]) => Object.values(methods).map((operation) => ({ path, operation })))
