LogicalProc: Enabled
Cores: 8
Quiet: true
Empty:
