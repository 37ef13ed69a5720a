"""Which rows the catalogue of a library has after each scan, where no rule keeps anything out of it: worked out from what
happened to each entry, and never from the catalogue. But for one thing, which the order decides in which slices come to places:
whether a directory that is new takes the row of one that moved from its name, or that row goes along.

A directory that moved is its row. A file is one where its inode, size, modification time and kind are, and where one file only
went and one only came, without another link. Whatever else is found under a name that has a row is an update of that; where there
was a row, and another file had been it, its newest tombstone lives again."""

import pickle


class Row:
    def __init__(self, key, parent, name, is_directory, turn):
        self.key, self.parent, self.name, self.is_directory = key, parent, name, is_directory
        self.first = turn
        self.is_live = True
        # When it became a tombstone.
        self.ended = None

    def show(self, entry, turn):
        """What the row has of an entry."""
        self.kind, self.size, self.rest, self.own = entry.kind, entry.size, entry.rest, entry.own
        # The directory's or the file's number in the model: two hard links have one.
        self.number = entry.number
        self.changed = turn
        self.is_live = True

    def end(self, turn):
        self.is_live, self.ended, self.changed = False, turn, turn

    @property
    def place(self):
        return self.parent, self.name, self.is_directory

    @property
    def identity(self):
        return self.number, self.kind, self.size, self.rest[0]


class Ledger:
    def __init__(self):
        self.last = 0
        self.rows = {}
        # Of directories, by their keys, those that the catalogue has for them.
        self.ids = {}

    @staticmethod
    def load(path):
        with open(path, "rb") as file:
            return pickle.load(file)

    def save(self, path):
        with open(path, "wb") as file:
            pickle.dump(self, file)

    def path(self, row):
        names = []
        while row.parent is not None:
            names.append(row.name)
            row = self.rows[row.parent]
        return b"/".join(reversed(names))

    def make(self, parent, name, is_directory, turn):
        self.last += 1
        return Row(self.last, parent, name, is_directory, turn)

    def scan(self, turn, entries, ids):
        """`ids` are those of the directories in the catalogue, by path. What the scan must have done, as lines of a change, a
        kind, a row's key, a path and a path from which it moved; and its counters."""
        return Scan(self, turn, entries, ids).run()

    def noted(self):
        for row in self.rows.values():
            yield row, self.path(row)


class Scan:
    def __init__(self, ledger, turn, entries, ids):
        self.ledger, self.turn, self.entries, self.ids = ledger, turn, entries, ids
        self.rows = ledger.rows
        for row in self.rows.values():
            if row.is_directory and row.is_live and row.key not in ledger.ids:
                raise SystemExit(f"round {turn}: no id is known of {ledger.path(row)}")
        self.before = {row.key: ledger.path(row) for row in self.rows.values() if row.is_live}
        self.live = {row.place: row for row in self.rows.values() if row.is_live}
        self.dead = {}
        for row in sorted((row for row in self.rows.values() if not row.is_live), key=lambda row: (row.ended, row.key)):
            self.dead[row.place] = row
        self.changes = []
        self.counters = dict.fromkeys(["added", "updated", "moved", "unchanged", "removed", "directories_moved"], 0)

    def run(self):
        self.take_directories()
        self.take_files()
        moves = self.matches()
        self.settle(moves)
        for path, row in self.directory.items():
            if path in self.ids:
                self.ledger.ids.setdefault(row.key, self.ids[path])
        for row, change, origin in self.deeds:
            self.changes.append((change, row.kind, row.key, self.ledger.path(row), origin))
        return self.changes, self.counters

    # Directories

    def take_directories(self):
        directories = [entry for entry in self.entries if entry.kind == "directory"]
        known = {row.number: row for row in self.live.values() if row.is_directory}
        numbers = {entry.number for entry in directories}
        new = {entry.path for entry in directories if entry.number not in known}
        at = {id: path for path, id in self.ids.items()}
        self.deeds = []
        # The row of each directory, by its path.
        self.directory = {}
        used = {}
        # Rows that stayed when their directories went, as others had taken their names: with the paths of these.
        stayed = {}
        for entry in directories:
            if not entry.path:
                row, name, parent = known.get(entry.number), b"", None
            else:
                above, _, name = entry.path.rpartition(b"/")
                parent = self.directory[above].key
                here = self.live.get((parent, name, True))
                row = known.get(entry.number)
                if row is not None and row is not here and at.get(self.ledger.ids[row.key]) in new:
                    stayed[row.key] = at[self.ledger.ids[row.key]]
                    row = None
                if row is None and here is not None and (
                        here.number not in numbers or self.ids.get(entry.path) == self.ledger.ids[here.key]):
                    row = here
                if row is None:
                    row = self.dead.get((parent, name, True))
            if row is None or row.key in used:
                row = self.ledger.make(parent, name, True, self.turn)
            used[row.key] = (row, parent, name, entry)
            self.directory[entry.path] = row
        for key, path in stayed.items():
            row, parent, name, entry = used.get(key, (self.rows[key], None, None, None))
            if entry is None or entry.path != path or (parent, name) != (row.parent, row.name):
                raise SystemExit(f"round {self.turn}: the row of {self.before[key]} went to {path}, where it has never been")
        for row in [row for row in self.live.values() if row.is_directory]:
            if row.key not in used:
                row.end(self.turn)
        for key, (row, parent, name, entry) in used.items():
            if row.is_live and key in self.rows and (row.parent, row.name) != (parent, name):
                self.deeds.append((row, "moved", self.before[key]))
                self.counters["directories_moved"] += 1
            row.parent, row.name = parent, name
            row.show(entry, self.turn)
            self.rows[key] = row

    # Files

    def take_files(self):
        """What each place comes to before anything is known of moves."""
        self.places, self.lost, self.found = {}, [], {}
        for entry in self.entries:
            if entry.kind == "directory":
                continue
            above, _, name = entry.path.rpartition(b"/")
            place = (self.directory[above].key, name, False)
            row = self.live.get(place)
            if row is None:
                row, how = self.dead.get(place), "again"
                if row is None:
                    row, how = None, "new"
            elif (row.kind, row.size, row.rest, row.number) == (entry.kind, entry.size, entry.rest, entry.number):
                how = "unchanged"
            else:
                how = "same" if row.number == entry.number else "other"
            self.places[place] = (entry, row, how)
            if how == "other":
                self.lost.append(row)
            if how in ("new", "again", "other") and entry.links == 1:
                self.found.setdefault((entry.number, entry.kind, entry.size, entry.rest[0]), []).append(place)
        self.missing = [row for place, row in self.live.items() if not row.is_directory and place not in self.places]

    def matches(self):
        """Of places the rows that have moved there."""
        gone = {}
        if self.turn > 0:
            for row in self.lost + self.missing:
                gone.setdefault(row.identity, []).append(row)
        return {places[0]: gone[identity][0] for identity, places in self.found.items()
                if len(places) == 1 and len(gone.get(identity, [])) == 1}

    def settle(self, moves):
        moved = {row.key for row in moves.values()}
        for row in self.missing:
            if row.key not in moved:
                self.end(row)
        for place, (entry, row, how) in self.places.items():
            if place in moves:
                if how == "again":
                    row.show(entry, self.turn)
                    row.end(self.turn)
                elif how == "other" and row.key not in moved:
                    row.show(entry, self.turn)
                    self.end(row)
            elif how in ("new", "again") or row.key in moved:
                if how != "again":
                    row = self.ledger.make(place[0], place[1], False, self.turn)
                    self.rows[row.key] = row
                row.show(entry, self.turn)
                self.tell(row, "added")
            elif how == "unchanged":
                self.counters["unchanged"] += 1
            else:
                row.show(entry, self.turn)
                self.tell(row, "updated")
        for place, row in moves.items():
            row.parent, row.name, _ = place
            row.show(self.places[place][0], self.turn)
            self.tell(row, "moved", self.before[row.key])

    def end(self, row):
        row.end(self.turn)
        self.tell(row, "removed")

    def tell(self, row, change, origin=None):
        self.counters[change] += 1
        self.deeds.append((row, change, origin))
