SELECT id, at, event, actor, detail FROM scan_events WHERE scan_id = $1 ORDER BY id DESC
