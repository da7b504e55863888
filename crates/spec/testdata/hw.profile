# BIOS attributes of all nodes of the site.
BootMode: Uefi
ProcHyperthreading: Enabled
AcPwrRcvryUserDelay: 120
TpmSecurity: On
Flag: true
