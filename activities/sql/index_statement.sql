-- The statements that create and drop it, every name quoted by the server itself.
SELECT pg_catalog.format('CREATE INDEX CONCURRENTLY %I ON %I.%I (%s)', $1::pg_catalog.text, $2::pg_catalog.text,
                         $3::pg_catalog.text, parts.columns) AS creates,
       pg_catalog.format('DROP INDEX CONCURRENTLY %I.%I', $2::pg_catalog.text, $1::pg_catalog.text) AS drops
  FROM (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(name), ', ' ORDER BY place) AS columns
          FROM pg_catalog.unnest($4::pg_catalog.text[]) WITH ORDINALITY AS part (name, place)) AS parts
