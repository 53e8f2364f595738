/** Loaded before the server: what code of ours may let happen by mistake. */
process.on('SIGUSR2', () => void Promise.reject(new Error('Ada Lovelace, ada@example.org')))
process.on('SIGWINCH', () => {
  throw new Error('Ada Lovelace, ada@example.org')
})
