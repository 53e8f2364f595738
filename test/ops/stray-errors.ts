/** Loaded before the server: raises errors that a bug could leave unhandled. */
process.on('SIGUSR2', () => void Promise.reject(new Error('Ada Lovelace, ada@example.org')))
process.on('SIGWINCH', () => {
  throw new Error('Ada Lovelace, ada@example.org')
})
