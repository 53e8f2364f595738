type Environment = Record<string, string | undefined>

/** The settings of a command that deletes audit events, which the API's own user of MongoDB need not be allowed to do. */
export function asMaintenanceUser(env: Environment): Environment {
  const uri = env.MONGODB_MAINTENANCE_URI || env.MONGODB_URI
  return { ...env, MONGODB_URI: uri, MONGODB_MAINTENANCE_URI: uri }
}
