"""КУ ФЭР, «Запись к врачу» over SOAP, with the names that are known of it (facts/gosuslugi.md §3.3, emias.md §2.1)."""
