WorkloadProfile: Custom
