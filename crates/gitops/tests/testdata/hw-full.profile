LogicalProc: Enabled
Cores: 8
Version: 1.10
