/** Exit code of the engine process when another process has the directory open (EX_TEMPFAIL of sysexits.h). */
export const directoryInUse = 75
