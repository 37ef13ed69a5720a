/// The candidate that the fewest slips turn `name` into; the first of equals. There must be one.
func nearest(to name: String, among candidates: [String]) -> (name: String, distance: Int) {
  let ranked = candidates.map { (name: $0, distance: editDistance(name, $0)) }
  return ranked.min { $0.distance < $1.distance } ?? (name: name, distance: 0)
}

/// Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment).
func editDistance(_ left: String, _ right: String) -> Int {
  let left = Array(left), right = Array(right)
  var beforeLast: [Int] = []
  var last = Array(0...right.count)
  for row in left.indices {
    var current = [row + 1]
    for column in right.indices {
      var best = min(last[column + 1], current[column]) + 1
      best = min(best, last[column] + (left[row] == right[column] ? 0 : 1))
      if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
        best = min(best, beforeLast[column - 1] + 1)
      }
      current.append(best)
    }
    (beforeLast, last) = (last, current)
  }
  return last[right.count]
}
