-- The statements that create and drop it, every name quoted by the server itself.
SELECT format('CREATE INDEX CONCURRENTLY %I ON %I.%I (%s)', $1::text, $2::text, $3::text, parts.columns) AS creates,
       format('DROP INDEX CONCURRENTLY %I.%I', $2::text, $1::text) AS drops
  FROM (SELECT string_agg(quote_ident(name), ', ' ORDER BY place) AS columns
          FROM unnest($4::text[]) WITH ORDINALITY AS part (name, place)) AS parts
