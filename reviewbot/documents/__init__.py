"""Official documents: letters and the ledger as docx, from templates a clerk can edit in Word or WPS."""
