ProcHyperthreading: Enabled
